import Reporting
import Testing

@Test(arguments: [
  (0.0, "0.00s"), (0.042, "0.04s"), (0.9949, "0.99s"), (0.996, "1.0s"), (3.21, "3.2s"), (9.96, "10s"),
  (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"), (3599.6, "1h00m"), (7620, "2h07m"), (100_800, "1d04h"),
  (-1, "0.00s"),
])
func durationsAreSpelledForPeople(seconds: Double, text: String) {
  #expect(humanSeconds(seconds) == text)
}

@Test(arguments: [
  (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (10 << 10, "10 KiB"),
  ((1 << 20) - 1, "1.0 MiB"), (24 << 20, "24 MiB"), (5 << 29, "2.5 GiB"),
])
func sizesAreSpelledForPeople(bytes: Int, text: String) {
  #expect(humanBytes(bytes) == text)
}
