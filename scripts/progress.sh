# Sourced by the other scripts: headings, and long steps with their elapsed time.
# Colour only where a person looks at a terminal.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' plain=''
fi

# heading TEXT: begins a part.
heading() {
  printf '\n%s== %s ==%s\n' "$bold" "$*" "$plain"
}

# say TEXT: one sentence to the reader.
say() {
  printf '%s\n' "$*"
}

# fail TEXT: says what went wrong and ends.
fail() {
  printf '%sfailed:%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

# step TITLE LOG COMMAND…: runs COMMAND with its output in LOG, telling every 15 seconds that it
# still runs and what it said last. On failure shows the end of LOG and returns COMMAND's status.
step() {
  local title=$1 log=$2 started=$SECONDS told=$SECONDS status=0
  shift 2
  printf '%s … %s\n' "$title" "${dim}(log: $log)${plain}"
  "$@" >"$log" 2>&1 &
  local child=$!
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - told)) -ge 15 ]; then
      told=$SECONDS
      printf '  … %s s: %s\n' "$((SECONDS - started))" "$(tail -n 1 "$log" | tr '\r' '\n' | tail -n 1 | cut -c -100)"
    fi
  done
  wait "$child" || status=$?
  if [ "$status" -ne 0 ]; then
    printf '%sfailed%s after %s s (exit status %s). The end of %s:\n' "$red" "$plain" "$((SECONDS - started))" "$status" "$log" >&2
    tail -n 40 "$log" >&2
    return "$status"
  fi
  printf '  %sdone%s in %s s\n' "$green" "$plain" "$((SECONDS - started))"
}
