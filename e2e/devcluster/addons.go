package main

import (
	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/cdi"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/csi"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/images"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/kubevirt"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/multus"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/networkpolicy"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/nmstate"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/registry"
	"github.com/novasphere/wukong/e2e/devcluster/internal/addons/s3"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// addons lists what runs on the cluster, in the order in which it is installed.
func addons() []addon.Addon {
	return []addon.Addon{
		kubevirt.Addon{},
		cdi.Addon{InsecureRegistries: []string{testbed.RegistryHost()}},
		csi.Addon{},
		multus.Addon{},
		nmstate.Addon{},
		networkpolicy.Addon{},
		images.Addon{},
		registry.Addon{},
		s3.Addon{},
	}
}
