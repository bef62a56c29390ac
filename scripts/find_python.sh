#!/bin/sh
# Prints the path of a Python that can hold the environment, or says on stderr what was found and what to do.
#
#     sh scripts/find_python.sh [PYTHON]
#
# With an argument only that Python is looked at.

if [ -n "$1" ]; then set -- "$1"; else set -- python3.12 python3.11 python3 python; fi

report=
for candidate in "$@"; do
    path=$(command -v "$candidate" 2>/dev/null)
    if [ -z "$path" ]; then
        report="$report
    $candidate: not found"
        continue
    fi
    # A name can stand on the PATH and still not run (a version manager's stub): only the answer of the Python counts.
    answer=$("$path" -c '
import sys
version = ".".join(str(part) for part in sys.version_info[:3])
if not (3, 11) <= sys.version_info[:2] <= (3, 12):
    print("Python " + version + " is not supported")
else:
    try:
        import ensurepip, venv
        print("fits")
    except ImportError as error:
        print("Python " + version + " lacks the module " + str(error.name))
' 2>/dev/null) || answer="does not run"
    if [ "$answer" = fits ]; then
        printf '%s\n' "$path"
        exit 0
    fi
    report="$report
    $candidate ($path): $answer"
done

cat >&2 <<EOF
No Python was found that lowresource_ner can be installed with.
  Needed: Python 3.11 or 3.12 with its modules venv and ensurepip.
          (Older Pythons have no build of the pinned numpy, newer ones none of the pinned tokenizers.)
  Found:$report
  What to do: install Python 3.11 or 3.12 (on Debian and Ubuntu also the package python3.12-venv or python3.11-venv),
          or say where it is: make PYTHON=folder/bin/python3.12 TARGET
EOF
exit 1
