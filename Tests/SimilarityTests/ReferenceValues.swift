// Owns what measures should be, as script/references/similarity.py printed it.

import Similarity

/// numpy.random.seed, and the shapes n × p and n × q of what numpy.random.uniform gives then, rounded to float32.
let referenceCases: [(seed: UInt32, n: Int, p: Int, q: Int)] = [
  (0, 30, 25, 25),
  (1, 12, 40, 35),
  (2, 14, 5, 30),
  (3, 40, 6, 9),
]

/// Of each measure with such settings the value in each case; nil: it isn't defined there.
let referenceValues: [(measure: String, settings: [String: MeasureSetting], values: [Double?])] = [
  (
    "linear_cka", [:],
    [0.4893427345, 0.8005118486, 0.4336773285, 0.1207786036]
  ),
  (
    "linear_cka_debiased", [:],
    [0.0235986945, 0.1026511452, -0.0014764996, -0.0497574363]
  ),
  (
    "linear_cka_minibatch", [:],
    [0.0235986945, 0.1026511452, -0.0014764996, -0.0497574363]
  ),
  (
    "linear_cka_minibatch", ["batch": .whole(5)],
    [-0.2308930756, 0.3638039600, -0.1366917499, 0.0126634092]
  ),
  (
    "procrustes", [:],
    [34.2356766267, 5.4039909464, 22.8560202420, 33.2096573694]
  ),
  (
    "procrustes_size_and_shape", [:],
    [5.8511260990, 2.3246485641, 4.7807970300, 5.7627820859]
  ),
  (
    "procrustes_normalised", [:],
    [0.5544425702, 0.1387780070, 0.8665767606, 1.3952705637]
  ),
  (
    "procrustes_normalised_sqrt", [:],
    [0.7446090049, 0.3725292029, 0.9309010477, 1.1812157143]
  ),
  (
    "procrustes_angular", [:],
    [0.7629815838, 0.3747176646, 0.9682871342, 1.2636238050]
  ),
  (
    "mean_cca", [:],
    [0.8901049737, nil, nil, 0.3915293046]
  ),
  (
    "r2_cca", [:],
    [0.8583001423, nil, nil, 0.1836436438]
  ),
  (
    "svcca", [:],
    [0.7831814070, nil, nil, 0.3915293046]
  ),
  (
    "svcca", ["share": .number(0.8)],
    [0.5493289436, 0.6890950244, 0.7776322284, 0.3088243740]
  ),
  (
    "pwcca", [:],
    [nil, nil, nil, 0.3835065774]
  ),
  (
    "linear_regression", [:],
    [0.8634248135, nil, nil, 0.1732637055]
  ),
  (
    "eigenspace_overlap", [:],
    [0.8583001423, nil, nil, 0.1224290959]
  ),
  (
    "subspace_overlap", [:],
    [0.0842808590, 0.4002605089, 0.1827169600, 0.0305709055]
  ),
  (
    "subspace_overlap", ["dimensions": .whole(1)],
    [0.0128071098, 0.2619265754, 0.0035078243, 0.0019036923]
  ),
  (
    "gulp", [:],
    [6.4783387612, 0.1603838665, 5.6757405515, 10.7786213590]
  ),
  (
    "gulp", ["lambda": .number(1.0)],
    [0.0609168629, 0.0323662172, 0.1391311404, 0.1995024796]
  ),
  (
    "gulp", ["lambda": .number(0.0)],
    [7.0849928855, nil, nil, 12.7962762742]
  ),
]
