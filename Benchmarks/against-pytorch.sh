#!/usr/bin/env bash
# ResNet-20 at batch 128 on two cores, images/s: two single-thread workers of Bobbin against eager PyTorch in
# the best of its layouts and of one process with two threads or two processes with one. Runs take turns, so
# that a machine that drifts drifts for all; printed are medians over the rounds.
#
#   Benchmarks/against-pytorch.sh [ROUNDS] [SECONDS PER RUN]
#
# PYTHON names an interpreter that has torch; without it, a virtual environment is made beside this script.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-5}
seconds=${2:-5}
batch=128

if [[ -z ${PYTHON:-} ]]; then
  if [[ ! -x .venv-pytorch/bin/python ]]; then
    python3 -m venv .venv-pytorch
    .venv-pytorch/bin/pip install --quiet torch numpy
  fi
  PYTHON=.venv-pytorch/bin/python
fi
swift build -c release --product training-benchmark >&2
worker=$(swift build -c release --show-bin-path)/training-benchmark
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# together NAME COUNT COMMAND…: runs COUNT of the command at once and notes the sum of what they print.
together() {
  local name=$1 count=$2 pids=() i
  shift 2
  for ((i = 0; i < count; i++)); do
    "$@" >"$results/part$i" &
    pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i"; done
  cat "$results"/part* | awk '{ sum += $1 } END { printf "%.1f\n", sum }' >>"$results/$name"
  rm "$results"/part*
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

for ((round = 1; round <= rounds; round++)); do
  for mode in training inference; do
    OMP_NUM_THREADS=1 together "$mode.bobbin" 2 "$worker" $mode $batch "$seconds"
    for layout in nchw channels-last; do
      together "$mode.$layout-1x2" 1 "$PYTHON" pytorch_benchmark.py $mode $layout 2 $batch "$seconds"
      OMP_NUM_THREADS=1 together "$mode.$layout-2x1" 2 "$PYTHON" pytorch_benchmark.py $mode $layout 1 $batch "$seconds"
    done
  done
  echo "round $round of $rounds" >&2
done

"$PYTHON" -c 'import torch; print("PyTorch", torch.__version__)'
for mode in training inference; do
  bobbin=$(median "$results/$mode.bobbin")
  best=0
  echo "$mode, images/s"
  printf '  %-44s %8.1f\n' "Bobbin, 2 workers x 1 thread" "$bobbin"
  for layout in nchw channels-last; do
    for shape in 1x2 2x1; do
      rate=$(median "$results/$mode.$layout-$shape")
      printf '  %-44s %8.1f\n' "PyTorch, $layout, ${shape%x*} process(es) x ${shape#*x} thread(s)" "$rate"
      best=$(awk -v a="$best" -v b="$rate" 'BEGIN { print (a > b ? a : b) }')
    done
  done
  awk -v a="$bobbin" -v b="$best" 'BEGIN { printf "  Bobbin is %.2f times the best of PyTorch\n", a / b }'
done
