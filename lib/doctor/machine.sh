# shellcheck shell=bash
# For which kind of machine a program is made, by the first bytes of its file, without a process.
#
# ELF: System V ABI, "ELF Header" (e_machine at 18). Mach-O: mach-o/loader.h and mach-o/fat.h of Apple.

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  printf 'lib/doctor/machine.sh is sourced by pyve.sh, not run.\n' >&2
  exit 1
fi

# Usage: read_bytes <file> <count>
# Sets the array BYTES to the numbers of the first bytes of a file. Status 1 when it cannot be read.
read_bytes() {
  local LC_ALL=C char="" number
  BYTES=()
  [[ -f $1 && -r $1 ]] || return 1
  # (A NUL ends the word that read takes, and the word is empty then.)
  while ((${#BYTES[@]} < $2)) && IFS= read -r -d '' -n 1 char; do
    printf -v number '%d' "'$char"
    [[ -n $char ]] || number=0
    BYTES+=("$((number & 255))")
  done <"$1"
}

# Usage: name_machine <number of Mach-O>
# Sets REPLY to the machine of a cputype.
name_machine() {
  case $1 in
    16777223) REPLY=x86_64 ;;
    16777228) REPLY=arm64 ;;
    7) REPLY=i386 ;;
    *) REPLY="cputype $1" ;;
  esac
}

# Usage: read_machine <program>
# Sets REPLY to the machine that a program is made for, as uname -m calls it; to several, with a blank
# between, for one with several parts. Status 1 for what is no program of ELF or Mach-O.
read_machine() {
  local i machine out=""
  REPLY=""
  read_bytes "$1" 48 && ((${#BYTES[@]} >= 20)) || return 1
  case "${BYTES[*]:0:4}" in
    "127 69 76 70")
      if ((BYTES[5] == 2)); then
        machine=$((BYTES[18] * 256 + BYTES[19]))
      else
        machine=$((BYTES[19] * 256 + BYTES[18]))
      fi
      case $machine in
        3) REPLY=i386 ;;
        20) REPLY=ppc ;;
        21) ((BYTES[5] == 2)) && REPLY=ppc64 || REPLY=ppc64le ;;
        22) REPLY=s390x ;;
        40) REPLY=arm ;;
        62) ((BYTES[4] == 1)) && REPLY=x32 || REPLY=x86_64 ;;
        183) REPLY=aarch64 ;;
        243) REPLY=riscv64 ;;
        258) REPLY=loongarch64 ;;
        *) REPLY="ELF machine $machine" ;;
      esac
      ;;
    "207 250 237 254" | "206 250 237 254")
      name_machine "$((BYTES[4] + BYTES[5] * 256 + BYTES[6] * 65536 + BYTES[7] * 16777216))"
      ;;
    "202 254 186 190")
      for ((i = 8; i + 3 < ${#BYTES[@]} && i < 8 + 20 * BYTES[7]; i += 20)); do
        name_machine "$((BYTES[i + 3] + BYTES[i + 2] * 256 + BYTES[i + 1] * 65536 + BYTES[i] * 16777216))"
        out+=${out:+ }$REPLY
      done
      REPLY=$out
      ;;
    *) return 1 ;;
  esac
}

# Usage: is_own_machine <machines>
# True when one of them is this machine. Sets OWN_MACHINE to that.
is_own_machine() {
  local machine
  OWN_MACHINE=$(uname -m 2>/dev/null) || OWN_MACHINE=${HOSTTYPE:-unknown}
  for machine in $1; do
    case $machine:$OWN_MACHINE in
      "$OWN_MACHINE:$OWN_MACHINE" | aarch64:arm64 | arm64:aarch64 | x86_64:amd64) return 0 ;;
      # A 64-bit machine runs these, too; so do some others, and then nothing is said.
      i386:i?86 | i386:x86_64 | x32:x86_64 | arm:arm* | ppc:ppc64*) return 0 ;;
    esac
  done
  return 1
}
