#!/usr/bin/env bash
# Turns a generated CRD on standard input into a template of the chart wukong-crds on standard output: uninstalling the chart
# keeps the CRD, and with it every object of the kind; and text that looks like a template is none.
set -euo pipefail
sed -e 's/{{/{{ "{{" }}/g' \
    -e '0,/^  annotations:$/s//  annotations:\n    helm.sh\/resource-policy: keep/'
