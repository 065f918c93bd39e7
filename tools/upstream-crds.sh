#!/usr/bin/env bash
# Writes the CustomResourceDefinitions of others that the control-plane tests install, from the modules whose versions the dev
# cluster and the operator pin. Each file says where it is from.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOWORK=off

crds=controllers/internal/testenv/crds
tools=e2e/devcluster/tools

header() { # FOLDER MODULE WHAT
  printf '# From module %s, %s.\n# Written by make generate-upstream-crds. Do not edit.\n' \
    "$(cd "$1" && go list -m -f '{{.Path}} {{.Version}}' "$2")" "$3"
}

{
  header $tools/kubevirt kubevirt.io/kubevirt "as its operator generates them"
  (cd $tools/kubevirt && go run ./crds)
} > $crds/kubevirt.yaml

{
  header $tools/cdi kubevirt.io/containerized-data-importer "as its operator holds them"
  (cd $tools/cdi && go run ./crds)
} > $crds/cdi.yaml

snapshotter=github.com/kubernetes-csi/external-snapshotter/client/v8
{
  header $tools/csi $snapshotter config/crd
  for definition in volumesnapshotclasses volumesnapshotcontents volumesnapshots; do
    cat "$(cd $tools/csi && go list -m -f '{{.Dir}}' $snapshotter)/config/crd/snapshot.storage.k8s.io_$definition.yaml"
  done
} > $crds/snapshots.yaml

multus=github.com/k8snetworkplumbingwg/network-attachment-definition-client
{
  header . $multus artifacts/networks-crd.yaml
  cat "$(go list -m -f '{{.Dir}}' $multus)/artifacts/networks-crd.yaml"
} > $crds/multus.yaml

# The module has the markers of the definitions and not the definitions. No module of the project needs it otherwise.
nmstate=github.com/nmstate/kubernetes-nmstate/api
nmstate_version=v0.0.0-20240605150941-df565dd7bf35
{
  printf '# From module %s %s, by controller-gen.\n# Written by make generate-upstream-crds. Do not edit.\n' $nmstate $nmstate_version
  generator=$PWD/bin/controller-gen
  cd "$(go mod download -json $nmstate@$nmstate_version | sed -n 's/.*"Dir": "\(.*\)",/\1/p')"
  GOFLAGS=-mod=mod "$generator" crd:crdVersions=v1 paths=./v1alpha1/... paths=./v1beta1/... paths=./v1/... output:stdout
} > $crds/nmstate.yaml
