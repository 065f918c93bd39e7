//go:build controlplane

package controllers_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// good are objects that the API server accepts, by kind. The rows below spoil one thing at a time.
var good = map[string]string{
	"WukongClone": `{"spec":{"source":{"vmRef":{"name":"a"}},"targetName":"b","disks":[{"name":"root",` +
		`"size":"1Gi"}]}}`,
	"WukongBackup": `{"spec":{"snapshotRef":{"name":"a"},"target":{"s3":{"url":"https://s3.example/bucket/folder",` +
		`"secretRef":{"name":"a"}}},"retention":{"maxCount":3}}}`,
	"WukongDisk": `{"spec":{"size":"1Gi","storageClassName":"slow","source":{"blank":{}}}}`,
	"WukongAddress": `{"spec":{"segment":"a","address":"10.0.0.5","holder":{"namespace":"a","name":"a",` +
		`"uid":"1","interfaceName":"lan"},"network":{"namespace":"a","name":"lan"}}}`,
	"WukongExport": `{"spec":{"source":{"diskRef":{"name":"a"}},"target":{"download":{}}}}`,
	"WukongHostNetworkPolicy": `{"metadata":{"name":"cluster"},"spec":{"permitted":[{"name":"a","namespaces":["a"],` +
		`"bridges":["br0"]}]}}`,
	"WukongSnapshotSchedule": `{"spec":{"schedule":"@daily","retention":{"maxCount":3},"template":{"spec":{"source":` +
		`{"vmRef":{"name":"a"}}}},"trial":{"schedule":"@weekly"}}}`,
	"WukongImage":   `{"spec":{"size":"1Gi","source":{"http":{"url":"http://images.example/a.img"}}}}`,
	"WukongNetwork": `{"spec":{"type":"Bridge","bridge":{"name":"br0"}}}`,
	"WukongMigration": `{"spec":{"vmRef":{"name":"a"},"requestedAt":"2026-03-01T12:00:00Z",` +
		`"nodeSelector":{"zone":"a"},"cancel":true}}`,
	"WukongSnapshot": `{"spec":{"source":{"diskRef":{"name":"a"}},"volumeSnapshotClassName":"fast"}}`,
	"WukongVM": `{"spec":{"cpu":{"cores":1},"memory":{"guest":"1Gi"},"disks":[{"name":"root",` +
		`"diskRef":{"name":"a"}}],"restore":{"requestedAt":"2026-03-01T12:00:00Z","snapshotRef":{"name":"a"}}}}`,
}

const hostNetworkPolicy = "WukongHostNetworkPolicy"

// refusal is a JSON merge patch that makes a good object bad, and what the API server answers.
type refusal struct{ patch, message string }

// whenMade are refused when the object is created.
var whenMade = map[string][]refusal{
	"WukongAddress": {
		{`{"spec":{"macAddress":"02:00:00:00:00:01"}}`,
			"exactly one of the fields in [address macAddress] must be set"},
	},
	"WukongBackup": {
		{`{"metadata":{"name":"a.b"}}`, "the name of a WukongBackup has at most 63 lower-case letters"},
		{`{"spec":{"target":{"s3":{"url":"https://s3.example/bucket/"}}}}`,
			"url must be https://endpoint/bucket/folder (or http), without user, query and a slash at the end"},
		{`{"spec":{"retention":{"maxCount":null}}}`, "retention needs maxCount, maxAgeSeconds, or both"},
	},
	"WukongDisk": {
		{`{"spec":{"source":{"blank":null,"s3":{"url":"https://s3.example/b/k","checksum":"sha256:` +
			strings.Repeat("a", 64) + `"}}}}`, "secretRef is required with checksum or encryption"},
		{`{"spec":{"source":{"blank":null,"s3":{"url":"https://s3.example/b/k","region":"eu"}}}}`,
			"region is only used with checksum or encryption: without them, CDI finds the region out; leave it out"},
		{`{"spec":{"source":{"blank":null,"s3":{"url":"https://s3.example/b/k?v=1","secretRef":{"name":"a"},` +
			`"encryption":{"secretRef":{"name":"a"}}}}}}`,
			"with checksum or encryption, url must be https://endpoint/bucket/key (or http)"},
		{
			`{"spec":{"source":{"blank":null,"registry":{"url":"registry.example/a@sha256:` + strings.Repeat("a", 63) +
				`"}}}}`, "a digest is @sha256: and 64 hexadecimal digits",
		},
		{`{"spec":{"size":null}}`,
			"size is required, for example 20Gi, unless the source is an existing persistentVolumeClaim"},
		{`{"spec":{"size":"0"}}`, "size must be a quantity between 1Mi and 1Ei, for example 20Gi"},
		{`{"spec":{"size":64}}`, "size must be a quantity between 1Mi and 1Ei, for example 20Gi"},
		{`{"spec":{"size":"1000Ei"}}`, "size must be a quantity between 1Mi and 1Ei, for example 20Gi"},
		{`{"spec":{"source":{"blank":null,"persistentVolumeClaim":{"name":"a"}}}}`,
			"an existing persistentVolumeClaim already has a size"},
		{`{"spec":{"shared":true,"accessModes":["ReadWriteOnce"]}}`,
			"a shared disk needs ReadWriteMany in accessModes"},
		{`{"spec":{"cloneableFrom":["A B"]}}`, "must be the name of a namespace, or * for all"},
		{
			`{"spec":{"source":{"upload":{}}}}`,
			"exactly one of the fields in [blank http registry s3 gcs upload clone snapshot image " +
				"persistentVolumeClaim] must be set",
		},
		{`{"spec":{"source":{"blank":null,"gcs":{"url":"ftp://bucket/a.img"}}}}`,
			"url must begin with gs:// or https://"},
		{`{"spec":{"source":{"blank":null,"http":{"url":"ftp://images.example/a.img"}}}}`,
			"url must begin with http:// or https://"},
		{`{"spec":{"source":{"blank":null,"http":{"url":"http://images.example/a.img","checksum":"sha256:12"}}}}`,
			"CDI cannot check an image from a web server against a checksum"},
		{`{"spec":{"source":{"blank":null,"snapshot":{"kind":"VolumeSnapshot","name":"a","disk":"root"}}}}`,
			"disk belongs to a WukongSnapshot: leave it out for a VolumeSnapshot"},
		{`{"spec":{"source":{"blank":null,"registry":{"url":"http://registry.example/a"}}}}`,
			"url must be an image reference, docker://image or oci-archive://path"},
	},
	"WukongExport": {
		{`{"metadata":{"name":"1-begins-with-a-digit"}}`,
			"the name of a WukongExport has at most 63 lower-case letters"},
		{`{"spec":{"source":{"vm":{"name":"a"}}}}`,
			"exactly one of the fields in [diskRef volumeSnapshot vm] must be set"},
		{`{"spec":{"target":{"download":null}}}`, "exactly one of the fields in [download s3 registry] must be set"},
		{`{"spec":{"target":{"download":null,"registry":{"image":"registry.example/a@sha256:12"}}}}`,
			"image must be host/repository:tag, without a digest"},
		{`{"spec":{"target":{"download":null,"s3":{"url":"https://s3.example/bucket/","secretRef":{"name":"a"}}}}}`,
			"url must be https://endpoint/bucket/key (or http)"},
	},
	"WukongHostNetworkPolicy": {
		{`{"metadata":{"name":"another"}}`, "there is one WukongHostNetworkPolicy, and its name is cluster"},
		{`{"spec":{"permitted":[{"name":"a","namespaces":["a"]}]}}`, "list what is permitted: bridges, macvlan"},
		{`{"spec":{"permitted":[{"name":"a","bridges":["br0"]}]}}`, "say who may use it: namespaces, namespaceLabels"},
		{`{"spec":{"permitted":[{"name":"a","namespaces":["a"],"bridges":["br0"],"vlans":[{"first":20,"last":10}]}]}}`,
			"last must not be below first"},
		{`{"spec":{"permitted":[{"name":"a","namespaces":["A/b"],"bridges":["br0"]}]}}`, "should match"},
	},
	"WukongImage": {
		{`{"metadata":{"name":"debian.13"}}`, "the name of a WukongImage may have at most 63 characters and no dot"},
		{`{"spec":{"size":"-1Gi"}}`, "size must be a quantity between 1Mi and 1Ei, for example 10Gi"},
		{`{"spec":{"source":{"http":null}}}`, "exactly one of the fields in [registry http] must be set"},
		{
			`{"spec":{"schedule":"0 0 * * *","source":{"http":null,` +
				`"registry":{"url":"docker://registry.example/a@sha256:12"}}}}`,
			"schedule needs a source.registry.url with a tag",
		},
	},
	"WukongNetwork": {
		{`{"spec":{"bridge":null}}`, "bridge is required for type Bridge, and only there"},
		{`{"spec":{"type":"NetworkAttachmentDefinition","bridge":null}}`,
			"networkAttachmentDefinition is required for type NetworkAttachmentDefinition, and only there"},
		{`{"spec":{"type":"Pod","bridge":null,"mtu":1500}}`,
			"the pod network's addresses, routes, DNS and MTU belong to the cluster"},
		{
			`{"spec":{"type":"NetworkAttachmentDefinition","bridge":null,"networkAttachmentDefinition":{"name":"a"},` +
				`"mtu":1500}}`, "the MTU of an existing NetworkAttachmentDefinition is set there",
		},
		{`{"spec":{"dns":{"nameservers":["resolver"]}}}`, "must be an IP address"},
		{`{"spec":{"type":"Macvlan","bridge":null}}`, "macvlan is required for type Macvlan, and only there"},
		{`{"spec":{"type":"SRIOV","bridge":null}}`, "sriov is required for type SRIOV, and only there"},
		{`{"spec":{"type":"OVS","bridge":null}}`, "ovs is required for type OVS, and only there"},
		{`{"spec":{"pod":{}}}`, "pod is for type Pod only"},
		{`{"spec":{"type":"SRIOV","bridge":null,"sriov":{"resourceName":"a/b"},"mtu":1500}}`,
			"the MTU of virtual functions is set with their device"},
		{`{"spec":{"type":"OVS","bridge":null,"ovs":{"bridge":"ovs0"},"bandwidth":{"egress":"10M"}}}`,
			"bandwidth is for type Bridge only"},
		{`{"spec":{"policy":{"defaultDeny":"Both"}}}`, "policy is for type Pod only"},
		{`{"spec":{"bandwidth":{}}}`, "should have at least 1 properties"},
		{`{"spec":{"bridge":{"name":"br0","vlan":0}}}`, "should be greater than or equal to 1"},
		{`{"spec":{"bridge":{"name":"br0","vlan":4095}}}`, "should be less than or equal to 4094"},
		{`{"spec":{"type":"Pod","bridge":null,"hostAccess":"Unrestricted"}}`,
			"hostAccess is for networks that use the networks of the nodes"},
		{`{"spec":{"bridge":{"name":"br0","managed":{"ports":["eth1"]}}}}`,
			"bridge.managed changes the networks of the nodes, which is for administrators"},
		{`{"spec":{"type":"SRIOV","bridge":null,"sriov":{"resourceName":"a/b","trust":true}}}`,
			"sriov.trust and sriov.spoofCheck are for administrators"},
		{`{"spec":{"segment":"campus"}}`,
			"segment determines with which networks addresses are shared, which is for administrators"},
		{`{"spec":{"wukongRef":{"name":"../x"}}}`, "should match"},
		{`{"spec":{"bridge":{"name":"br0","managed":{"ports":["eth1"],"uplinkVLAN":0}}}}`,
			"should be greater than or equal to 1"},
		{`{"spec":{"bridge":{"name":"br0","managed":{"ports":["eth1"],"uplinkVLAN":4095}}}}`,
			"should be less than or equal to 4094"},
		{`{"spec":{"type":"OVS","bridge":null,"ovs":{"bridge":"ovs0","vlan":4095}}}`,
			"should be less than or equal to 4094"},
		{`{"spec":{"type":"SRIOV","bridge":null,"sriov":{"resourceName":"a/b","vlan":0}}}`,
			"should be greater than or equal to 1"},
		{`{"spec":{"type":"SRIOV","bridge":null,"sriov":{"resourceName":"a/b","vlanQoS":3}}}`,
			"vlanQoS is a part of the VLAN tag"},
		{`{"spec":{"bridge":{"name":"br0","vlan":100,"managed":{"ports":["eth1"],"uplinkVLAN":100}}}}`,
			"vlan and managed.uplinkVLAN would both tag"},
		{`{"spec":{"bridge":{"name":"br_0","managed":{"ports":["eth1"]}}}}`,
			"name of a managed bridge has lower-case letters, digits and hyphens only"},
		{`{"spec":{"bridge":{"name":"br0","managed":{}}}}`, "exactly one of the fields in [ports bond] must be set"},
		{`{"spec":{"bridge":{"name":"br0","managed":{"ports":["eth1","eth2"],"keepHostAddress":true}}}}`,
			"keepHostAddress moves the addresses of one port"},
		{`{"spec":{"bridge":{"name":"br0","managed":{"ports":["enp100s0f1np1"],"uplinkVLAN":1000}}}}`,
			"uplinkVLAN makes an interface such as eth1.100, which has at most 15 characters"},
		{`{"spec":{"type":"Macvlan","bridge":null,"macvlan":{"master":"eth1","mode":"Passthru","resourceName":"a/b"}}}`,
			"resourceName is for mode Bridge only"},
		{`{"spec":{"routes":[{"to":"10.20.0.0","via":"10.0.0.1"}]}}`, "to must be a network with prefix length"},
		{`{"spec":{"routes":[{"to":"10.20.0.0/16","via":"router"}]}}`, "via must be an IP address"},
		{`{"spec":{"type":"Pod","bridge":null,"segment":"floor-2"}}`,
			"leave out subnets, routes, dns, mtu, segment and reservations"},
		{`{"spec":{"segment":"bridge/br0/0"}}`, "spec.segment in body should match"},
		{`{"spec":{"reservations":[{"address":"router","machineName":"a"}]}}`, "must be an IP address"},
		{`{"spec":{"subnets":[{"cidr":"192.168.10.0/24","pool":{"exclude":["router"]}}]}}`,
			"must be an IP address such as 192.168.10.5, or a network such as 192.168.10.0/28"},
		{
			`{"spec":{"subnets":[{"cidr":"192.168.10.0/24","pool":{"ranges":[{"start":"192.168.10.5",` +
				`"end":"fd00::1"}]}}]}}`, "start and end must be of one address family",
		},
		{`{"spec":{"subnets":[{"cidr":"192.168.10.5/24"}]}}`,
			"cidr must be a network address with prefix length and no host bits"},
		{`{"spec":{"subnets":[{"cidr":"192.168.10.0/24","gateway":"192.168.11.1"}]}}`,
			"gateway must be an IP address inside cidr"},
	},
	"WukongVM": {
		{`{"spec":{"restore":{"requestedAt":"2026-03-01t12:00:00z"}}}`, "should match"},
		{`{"spec":{"restore":{"requestedAt":"2026-02-30T12:00:00Z"}}}`, "spec.restore.requestedAt"},
		{`{"spec":{"cloudInit":{"userDataSecretRef":{"name":"a/b","key":"userdata"}}}}`, "should match"},
		{`{"spec":{"disks":[{"name":"root","diskRef":{"name":"$(id)"}}]}}`, "should match"},
		{`{"metadata":{"name":"web-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"}}`,
			"the name of a WukongVM has at most 63 characters"},
		{`{"metadata":{"name":"web.example"}}`, "the name of a WukongVM contains no dot"},
		{
			`{"spec":{"disks":[{"name":"a","boot":true,"diskRef":{"name":"a"}},{"name":"b","boot":true,` +
				`"diskRef":{"name":"b"}}]}}`, "at most one disk can have boot: true",
		},
		{`{"spec":{"disks":[{"name":"a"}]}}`,
			"a disk needs diskRef or template; only a drive of type CDROM may be empty"},
		{`{"spec":{"disks":[{"name":"a","diskRef":{"name":"a"},"template":{"spec":{"size":"1Gi"}}}]}}`,
			"at most one of the fields in [diskRef template] may be set"},
		{`{"spec":{"disks":[{"name":"cloudinit","diskRef":{"name":"a"}}]}}`,
			"the name cloudinit is taken by the cloud-init disk"},
		{
			`{"spec":{"disks":[{"name":"a","template":{"spec":{"size":"1Gi",` +
				`"source":{"s3":{"url":"s3://bucket/a.img"}}}}}]}}`, "url must begin with http:// or https://",
		},
		{
			`{"spec":{"disks":[{"name":"a","diskRef":{"name":"a"},"serial":"s"},{"name":"b","diskRef":{"name":"b"},` +
				`"serial":"s"}]}}`, "two disks have the same serial",
		},
		{`{"spec":{"disks":[{"name":"a","diskRef":{"name":"a"},"serial":"b"},{"name":"b","diskRef":{"name":"b"}}]}}`,
			"two disks have the same serial"},
		{`{"spec":{"networks":[{"name":"a","pod":{}},{"name":"b","pod":{}}]}}`,
			"at most one network can be the pod network"},
		{
			`{"spec":{"networks":[{"name":"a","networkRef":{"name":"a"},"macAddress":"02:00:00:00:00:0a"},` +
				`{"name":"b","networkRef":{"name":"b"},"macAddress":"02:00:00:00:00:0A"}]}}`,
			"two networks have the same macAddress",
		},
		{`{"spec":{"networks":[{"name":"a","networkRef":{"name":"a"},"macAddress":"03:00:00:00:00:0a"}]}}`,
			"macAddress must be six bytes such as 02:00:00:12:34:56, and unicast"},
		{`{"spec":{"networks":[{"name":"a","pod":{},"addresses":["10.0.0.5"],"addressMode":"Static"}]}}`,
			"the pod network gives the guest its address by DHCP"},
		{`{"spec":{"networks":[{"name":"a","pod":{},"bandwidth":{"egress":"10M"}}]}}`,
			"bandwidth and addressDelivery are for networks of type Bridge"},
		{`{"spec":{"networks":[{"name":"a","networkRef":{"name":"a"},"addressMode":"DHCP","keepAddresses":true}]}}`,
			"keepAddresses keeps addresses of Static and Pool and a given macAddress, and there is none: leave it out"},
		{`{"spec":{"networks":[{"name":"a","networkRef":{"name":"a"},"addressMode":"Pool","addresses":["10.0.0.5"]}]}}`,
			"addresses belong to addressMode Static, and it needs them"},
		{`{"spec":{"networks":[{"name":"a","networkRef":{"name":"a"},"addressMode":"Static"}]}}`,
			"addresses belong to addressMode Static, and it needs them"},
		{`{"spec":{"networks":[{"name":"a"}]}}`, "exactly one of the fields in [pod networkRef template] must be set"},
		{
			`{"spec":{"networks":[{"name":"a","networkRef":{"name":"a"},"addressMode":"Static",` +
				`"addresses":["192.168.10.256"]}]}}`,
			"must be an IP address, or one with a prefix length such as 192.168.10.5/24",
		},
		{`{"spec":{"cloudInit":{"userDataSecretRef":{"name":"a","key":"b"},"hostname":"web"}}}`,
			"userDataSecretRef is the whole user-data: leave out hostname, users and timezone"},
		{
			`{"spec":{"cloudInit":{"users":[{"name":"alice","passwordHash":"$6$salt$hash",` +
				`"passwordSecretRef":{"name":"a","key":"b"}}]}}}`, "give passwordHash or passwordSecretRef, not both",
		},
		{`{"spec":{"cloudInit":{"users":[{"name":"alice","passwordHash":"secret"}]}}}`,
			"passwordHash must be a crypt(5) hash"},
		{
			`{"spec":{"cloudInit":{"users":[{"name":"alice",` +
				`"sshAuthorizedKeys":["-----BEGIN OPENSSH PRIVATE KEY-----"]}]}}}`,
			"must be a public key such as ssh-ed25519 AAAA... comment, in one line",
		},
		{`{"spec":{"services":[{"name":"a","externalTrafficPolicy":"Local","ports":[{"port":80}]}]}}`,
			"externalTrafficPolicy is for type NodePort and LoadBalancer"},
		{`{"spec":{"services":[{"name":"a","type":"NodePort","loadBalancerClass":"a/b","ports":[{"port":80}]}]}}`,
			"loadBalancerClass is for type LoadBalancer"},
		{`{"spec":{"services":[{"name":"a","ports":[{"port":80,"nodePort":30080}]}]}}`,
			"nodePort is for type NodePort and LoadBalancer"},
		{`{"spec":{"services":[{"name":"a","ports":[{"port":80},{"port":81}]}]}}`,
			"each of several ports needs a name"},
		{`{"spec":{"policy":{}}}`, "should have at least 1 properties"},
		{`{"spec":{"resources":{}}}`, "should have at least 1 properties"},
		{`{"spec":{"resources":{"requests":{"cpu":"0"}}}}`, "cpu must be a positive quantity of cores"},
		{`{"spec":{"resources":{"limits":{"memory":2}}}}`, "memory must be a quantity of at least 1Mi"},
		{`{"spec":{"resources":{"requests":{"cpu":"2"},"limits":{"cpu":"500m"}}}}`,
			"requests.cpu is more than limits.cpu"},
		{`{"spec":{"resources":{"requests":{"memory":"2Gi"},"limits":{"memory":"1Gi"}}}}`,
			"requests.memory is more than limits.memory"},
		{`{"spec":{"scheduling":{"annotations":{"k8s.v1.cni.cncf.io/networks":"other/lan"}}}}`,
			"spec.scheduling.annotations: k8s.v1.cni.cncf.io/networks is not for users to set"},
		{`{"spec":{"scheduling":{"annotations":{"v1.multus-cni.io/default-network":"other/lan"}}}}`,
			"v1.multus-cni.io/default-network is not for users to set"},
		{`{"spec":{"scheduling":{"annotations":{"hooks.kubevirt.io/hookSidecars":"[]"}}}}`,
			"hooks.kubevirt.io/hookSidecars is not for users to set"},
		{`{"spec":{"scheduling":{"annotations":{"lan.shop.ovn.kubernetes.io/logical_switch":"lan"}}}}`,
			"lan.shop.ovn.kubernetes.io/logical_switch is not for users to set"},
		{`{"spec":{"scheduling":{"annotations":{"io.kubernetes.cri-o.userns-mode":"auto"}}}}`,
			"io.kubernetes.cri-o.userns-mode is not for users to set"},
		{`{"spec":{"scheduling":{"annotations":{"a b":""}}}}`,
			`spec.scheduling: "a b" is no key of a label or annotation`},
		{`{"spec":{"scheduling":{"labels":{"a/b/c":""}}}}`,
			`spec.scheduling: "a/b/c" is no key of a label or annotation`},
		{`{"spec":{"scheduling":{"labels":{"tier":"a b"}}}}`, "the value of tier is no value of a label"},
		{`{"spec":{"policy":{"ingress":[{"peers":[{}]}]}}}`,
			"a peer is either an ipBlock, or what podSelector and namespaceSelector select"},
		{`{"spec":{"policy":{"ingress":[{"peers":[{"ipBlock":{"cidr":"10.0.0.0/8"},"podSelector":{}}]}]}}}`,
			"a peer is either an ipBlock, or what podSelector and namespaceSelector select"},
		{`{"spec":{"policy":{"egress":[{"peers":[{"ipBlock":{"cidr":"10.0.0.1/8"}}]}]}}}`,
			"must be a network address with prefix length and no host bits"},
		{`{"spec":{"policy":{"egress":[{"peers":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["all"]}}]}]}}}`,
			"must be a network address with prefix length and no host bits"},
		{`{"spec":{"policy":{"egress":[{"ports":[{"port":80,"endPort":79}]}]}}}`,
			"endPort ends a range that begins with port"},
		{`{"spec":{"policy":{"egress":[{"ports":[{"port":70000}]}]}}}`, "should be less than or equal to 65535"},
		{`{"spec":{"cpu":{"cores":64,"sockets":16}}}`, "sockets * cores * threads is more than 512"},
		{`{"spec":{"memory":{"guest":"1Ki"}}}`, "memory must be a quantity of at least 1Mi, for example 2Gi"},
	},
	"WukongClone": {
		{`{"spec":{"source":{"diskRef":{"name":"a"}}}}`,
			"exactly one of the fields in [vmRef diskRef snapshotRef] must be set"},
		{`{"spec":{"powerState":"Running","source":{"vmRef":null,"diskRef":{"name":"a"}}}}`,
			"identity, powerState and overrides are for a WukongVM: leave them out when a disk is cloned"},
		{`{"spec":{"consistency":"Crash","source":{"vmRef":null,"snapshotRef":{"name":"a"}}}}`,
			"consistency is for source.vmRef: a snapshot is already taken, and a disk is cloned while no guest has it"},
		{`{"spec":{"disks":[{"name":"root","action":"Omit","size":"1Gi"}]}}`,
			"storageClassName and size are for the actions Clone and Blank"},
		{`{"spec":{"disks":[{"name":"root","action":"Copy"}]}}`, "Unsupported value"},
		{`{"spec":{"overrides":{}}}`, "spec.overrides"},
		{`{"spec":{"overrides":{"isolated":true,"networks":[{"name":"lan","pod":{}}]}}}`,
			"isolated replaces all interfaces: leave networks out"},
		{`{"spec":{"overrides":{"networks":[{"name":"lan","template":{"spec":{"type":"Bridge",` +
			`"hostAccess":"Unrestricted","bridge":{"name":"br0"}}}}]}}}`,
			"a WukongClone cannot make a network with hostAccess Unrestricted: name a WukongNetwork"},
	},
	"WukongMigration": {
		// What the API server took for a time, and Go does not, would keep every manager from listing the kind.
		{`{"spec":{"requestedAt":"2026-03-01t12:00:00z"}}`, "spec.requestedAt"},
		{`{"spec":{"requestedAt":"2026-03-01T12:00:00x5Z"}}`, "spec.requestedAt"},
		{`{"spec":{"requestedAt":"2026-03-01T12:00:00+99:00"}}`, "spec.requestedAt"},
		{`{"spec":{"requestedAt":"2026-03-01T12:00:00.7Z"}}`, "spec.requestedAt"},
		{`{"spec":{"requestedAt":"2026-02-30T12:00:00Z"}}`, "spec.requestedAt"},
		{`{"spec":{"requestedAt":null}}`, "spec.requestedAt: Required value"},
		{`{"spec":{"attempts":11}}`, "should be less than or equal to 10"},
	},
	"WukongSnapshot": {
		{`{"spec":{"source":{"disks":["root"]}}}`,
			"disks are those of a WukongVM: name it in vmRef, or leave disks out"},
		{`{"spec":{"freezeTimeoutSeconds":1}}`, "should be greater than or equal to 5"},
		{`{"spec":{"source":{"vmRef":{"name":"a"}}}}`, "exactly one of the fields in [vmRef diskRef] must be set"},
		{`{"spec":{"cloneableFrom":["A"]}}`, "must be the name of a namespace, or * for all"},
	},
	"WukongSnapshotSchedule": {
		{`{"metadata":{"name":"a.b"}}`, "the name of a WukongSnapshotSchedule may have at most 49 characters and " +
			"no dot: its snapshots are named after it"},
		{`{"spec":{"schedule":"every day"}}`, "schedule must be the five fields of cron, for example 0 3 * * *, or " +
			"@hourly, @daily, @weekly, @monthly or @yearly"},
		{`{"spec":{"schedule":"TZ=UTC 0 3 * * *"}}`, "spec.schedule"},
		{`{"spec":{"trial":{"schedule":"@every 1h"}}}`, "spec.trial.schedule"},
		{`{"spec":{"template":{"labels":{"vm.novasphere.dev/pinned":"true"}}}}`,
			"labels are at most 63 characters long, and those of vm.novasphere.dev/ are set by Wukong"},
		{`{"spec":{"retention":{"maxCount":null}}}`, "retention needs maxCount, maxAgeSeconds, or both"},
		{`{"spec":{"rpoSeconds":1}}`, "should be greater than or equal to 60"},
		{`{"spec":{"template":{"spec":{"source":{"vmRef":null,"diskRef":{"name":"a"}}}}}}`,
			"trial starts a guest: it needs template.spec.source.vmRef"},
	},
}

// whenChanged are accepted when the object is created and refused later.
var whenChanged = map[string][]refusal{
	"WukongAddress": {
		{`{"spec":{"address":"10.0.0.6"}}`,
			"segment, address and macAddress cannot change: Wukong creates another WukongAddress for another address"},
		{
			`{"spec":{"holder":{"name":"b"}}}`,
			"an address cannot be assigned to another interface: delete the WukongAddress after its WukongVM is " +
				"deleted",
		},
	},
	"WukongDisk": {
		{`{"spec":{"source":{"blank":null,"upload":{}}}}`,
			"source cannot change after creation: create another WukongDisk"},
		{`{"spec":{"size":null,"source":{"blank":null,"persistentVolumeClaim":{"name":"a"}}}}`,
			"size can be neither added nor removed after creation"},
		{`{"spec":{"storageClassName":null}}`,
			"storageClassName cannot be removed: name the class that the disk must be on"},
		{`{"spec":{"accessModes":["ReadWriteMany"]}}`,
			"accessModes cannot change after creation: create another WukongDisk"},
		{`{"spec":{"volumeMode":"Block"}}`, "volumeMode cannot change after creation: create another WukongDisk"},
		{`{"spec":{"size":"512Mi"}}`,
			"spec.size is below status.requestedSize, what the claim was asked for already: a disk never shrinks"},
	},
	"WukongExport": {
		{`{"spec":{"source":{"diskRef":{"name":"b"}}}}`, "source cannot change: an export is made once"},
		{`{"spec":{"target":{"download":null,"registry":{"image":"registry.example/a"}}}}`,
			"target cannot change: an export is made once"},
		{`{"spec":{"format":"raw"}}`, "format and compression cannot change: an export is made once"},
	},
	"WukongImage": {
		{`{"spec":{"source":{"http":{"url":"http://images.example/b.img"}}}}`,
			"source cannot change after creation: create another WukongImage"},
		{`{"spec":{"size":"2Gi"}}`, "size cannot change after creation: create another WukongImage"},
		{`{"spec":{"storageClassName":"fast"}}`,
			"storageClassName cannot change after creation: create another WukongImage"},
	},
	"WukongNetwork": {
		{`{"spec":{"type":"Pod","bridge":null}}`, "type cannot change after creation: create another WukongNetwork"},
	},
	"WukongVM": {
		{`{"spec":{"restore":{"snapshotRef":{"name":"b"}}}}`,
			"a restore that was requested cannot change: give restore.requestedAt a later time, to request another one"},
	},
	"WukongClone": {
		{`{"spec":{"targetName":"c"}}`, "source and targetName cannot change: create another WukongClone"},
		{`{"spec":{"source":{"namespace":"a"}}}`, "source and targetName cannot change: create another WukongClone"},
		{`{"spec":{"identity":"Keep"}}`, "identity cannot change: create another WukongClone"},
		{`{"spec":{"powerState":"Running"}}`, "powerState cannot change: create another WukongClone"},
		{`{"spec":{"consistency":"Crash"}}`, "consistency cannot change: create another WukongClone"},
		{`{"spec":{"disks":[{"name":"root","size":"2Gi"}]}}`, "disks cannot change: create another WukongClone"},
		{`{"spec":{"overrides":{"hostname":"a"}}}`, "overrides cannot change: create another WukongClone"},
		{`{"spec":{"onDelete":"Delete"}}`, "onDelete cannot change: create another WukongClone"},
		{`{"spec":{"deadlineSeconds":60}}`, "deadlineSeconds cannot change: create another WukongClone"},
	},
	"WukongBackup": {
		{`{"spec":{"snapshotRef":{"name":"b"}}}`, "snapshotRef cannot change: a backup is made once"},
		{`{"spec":{"target":{"s3":{"region":"b"}}}}`, "target cannot change: a backup is made once"},
		{`{"spec":{"retention":{"maxCount":4}}}`, "retention cannot change: a backup is made once"},
	},
	"WukongMigration": {
		{`{"spec":{"vmRef":{"name":"b"}}}`, "vmRef cannot change: create another WukongMigration"},
		{`{"spec":{"requestedAt":"2026-03-01T12:00:01Z"}}`,
			"requestedAt cannot change: create another WukongMigration"},
		{`{"spec":{"nodeSelector":{"zone":"b"}}}`, "nodeSelector cannot change: create another WukongMigration"},
		{`{"spec":{"attempts":4}}`, "attempts cannot change: create another WukongMigration"},
		{`{"spec":{"cancel":false}}`, "cancel cannot be taken back: create another WukongMigration"},
	},
	"WukongSnapshot": {
		{`{"spec":{"source":{"diskRef":{"name":"b"}}}}`, "source cannot change: a snapshot is a point in time"},
		{`{"spec":{"volumeSnapshotClassName":"slow"}}`,
			"volumeSnapshotClassName cannot change: create another WukongSnapshot"},
		{`{"spec":{"volumeSnapshotClassName":null}}`,
			"volumeSnapshotClassName cannot change: create another WukongSnapshot"},
	},
	"WukongSnapshotSchedule": {
		{`{"spec":{"template":{"spec":{"source":{"vmRef":{"name":"b"}}}}}}`,
			"template.spec.source cannot change: create another WukongSnapshotSchedule"},
	},
}

// TestTheAPIServerRefusesBadInput spoils a good object in every way that a rule of our CRDs knows of. What it says must
// name the way out.
func TestTheAPIServerRefusesBadInput(t *testing.T) {
	f := testkit.New(t)
	namespace := f.Namespace
	var said []string
	for _, kind := range slices.Sorted(maps.Keys(good)) {
		for _, row := range whenMade[kind] {
			err := f.Client.Create(t.Context(), spoiled(t, namespace, kind, row.patch))
			assert.True(t, apierrors.IsInvalid(err), "%s %s: %v", kind, row.patch, err)
			assert.ErrorContains(t, err, row.message, "%s %s", kind, row.patch)
			said = append(said, row.message)
		}
		if kind == hostNetworkPolicy {
			continue // the tests have one
		}
		object := spoiled(t, namespace, kind, `{}`)
		require.NoError(t, f.Client.Create(t.Context(), object), kind)
		if kind == "WukongDisk" {
			asked := client.RawPatch(types.MergePatchType, []byte(`{"status":{"requestedSize":"1Gi"}}`))
			require.NoError(t, f.Client.Status().Patch(t.Context(), object, asked))
		}
		for _, row := range whenChanged[kind] {
			err := f.Client.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(row.patch)))
			assert.True(t, apierrors.IsInvalid(err), "%s %s: %v", kind, row.patch, err)
			assert.ErrorContains(t, err, row.message, "%s %s", kind, row.patch)
			said = append(said, row.message)
		}
	}
	for _, message := range rules(t) {
		assert.True(t, slices.ContainsFunc(said, func(part string) bool {
			return len(part) <= len(message) && message[:len(part)] == part
		}),
			"no row makes the API server say: %s", message)
	}
}

// A schedule comes and goes with the kind of object underneath.
func TestTheScheduleOfAnImageDoesNotComeOrGo(t *testing.T) {
	f := testkit.New(t)
	image := spoiled(t, f.Namespace, "WukongImage",
		`{"spec":{"source":{"http":null,"registry":{"url":"docker://registry.example/a:1"}}}}`)
	require.NoError(t, f.Client.Create(t.Context(), image))
	err := f.Client.Patch(t.Context(), image,
		client.RawPatch(types.MergePatchType, []byte(`{"spec":{"schedule":"0 0 * * *"}}`)))
	assert.ErrorContains(t, err, scheduleMessage)
}

const scheduleMessage = "schedule of a registry source can change, but cannot be added or removed after creation: " +
	"create another WukongImage"

func spoiled(t *testing.T, namespace, kind, patch string) *unstructured.Unstructured {
	t.Helper()
	name := "good"
	if kind == hostNetworkPolicy {
		name = v1alpha1.HostNetworkPolicyName // no other is valid
	}
	text, err := jsonpatch.MergePatch([]byte(good[kind]), []byte(`{"metadata":{"name":"`+name+`"}}`))
	require.NoError(t, err)
	text, err = jsonpatch.MergePatch(text, []byte(patch))
	require.NoError(t, err, patch)
	object := &unstructured.Unstructured{}
	require.NoError(t, json.Unmarshal(text, &object.Object))
	object.SetAPIVersion(v1alpha1.GroupVersion.String())
	object.SetKind(kind)
	if kind != "WukongAddress" && kind != hostNetworkPolicy { // of the cluster
		object.SetNamespace(namespace)
	}
	return object
}

// rules are the messages of all rules of the kinds above, that of the schedule excepted, which has a test of its own.
func rules(t *testing.T) []string {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, apiextensionsv1.AddToScheme(scheme))
	admin, err := client.New(testkit.New(t).Config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	definitions := &apiextensionsv1.CustomResourceDefinitionList{}
	require.NoError(t, admin.List(t.Context(), definitions))
	found := map[string]bool{}
	for i := range definitions.Items {
		definition := &definitions.Items[i]
		if _, known := good[definition.Spec.Names.Kind]; known && definition.Spec.Group == v1alpha1.GroupVersion.Group {
			collectRules(definition.Spec.Versions[0].Schema.OpenAPIV3Schema, found)
		}
	}
	delete(found, scheduleMessage)
	require.Greater(t, len(found), 40)
	return slices.Sorted(maps.Keys(found))
}

func collectRules(schema *apiextensionsv1.JSONSchemaProps, found map[string]bool) {
	for _, rule := range schema.XValidations {
		found[rule.Message] = true
	}
	for _, property := range schema.Properties {
		collectRules(&property, found)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		collectRules(schema.Items.Schema, found)
	}
}
