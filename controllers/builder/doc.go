// Package builder makes the objects of tests: of the kinds of Wukong, and what of Kubernetes stands beside them. A
// test says what it is about, and has the rest from here:
//
//	vm := builder.VM(namespace, "web", builder.Imported("root", url), builder.On("lan"))
//	data := builder.Disk(namespace, "data", builder.Size("64Mi"), builder.Retained)
//	f.Create(shop, builder.PartOf("shop", vm), data)
//
// Each kind has a function of its name that takes a namespace, a name and options. An option is a function that
// changes the spec of a kind, so that a test can write one on the spot. Options of disks are for templates of disks,
// too, and those of networks for templates of networks. What differs from cluster to cluster, such as addresses of
// servers and classes of storage, is a parameter.
//
// Without options each object is accepted by the API server: a test of this module's control plane tries them all.
//
// The package is not in controllers/internal, since the end-to-end tests, a module of their own, import it too, and not
// in the module apis, whose importers would get the objects of our tests. Only tests import it, which the linter
// watches over; it depends on apis, k8s.io/api and k8s.io/apimachinery alone.
package builder
