package builder

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ImageOption changes the spec of an image.
type ImageOption = func(*v1alpha1.WukongImageSpec)

// Image is one of 1Gi, imported once.
func Image(namespace, name string, source v1alpha1.WukongImageSource, options ...ImageOption) *v1alpha1.WukongImage {
	image := &v1alpha1.WukongImage{
		ObjectMeta: meta(namespace, name),
		Spec:       v1alpha1.WukongImageSpec{Source: source, Size: resource.MustParse("1Gi")},
	}
	apply(&image.Spec, options)
	return image
}

// ImageHTTP is the source of an image on a web server.
func ImageHTTP(url string) v1alpha1.WukongImageSource {
	return v1alpha1.WukongImageSource{HTTP: &v1alpha1.HTTPSource{URL: url}}
}

// ImageRegistry is the source of an image in a registry, such as docker://registry.example/debian:13.
func ImageRegistry(url string) v1alpha1.WukongImageSource {
	return v1alpha1.WukongImageSource{Registry: &v1alpha1.RegistrySource{URL: url}}
}

// ImageFrom has another source.
func ImageFrom(source v1alpha1.WukongImageSource) ImageOption {
	return func(spec *v1alpha1.WukongImageSpec) { spec.Source = source }
}

// ImageSize is the size of each version.
func ImageSize(size string) ImageOption {
	return func(spec *v1alpha1.WukongImageSpec) { spec.Size = resource.MustParse(size) }
}

// At imports the image again on a schedule, such as "0 3 * * *".
func At(schedule string) ImageOption {
	return func(spec *v1alpha1.WukongImageSpec) { spec.Schedule = schedule }
}

// Keeping is how many versions of the image stay.
func Keeping(versions int32) ImageOption {
	return func(spec *v1alpha1.WukongImageSpec) { spec.VersionsToKeep = versions }
}

// ImageCloneableFrom grants disks of other namespaces to start from the image; "*" stands for all.
func ImageCloneableFrom(namespaces ...string) ImageOption {
	return func(spec *v1alpha1.WukongImageSpec) { spec.CloneableFrom = namespaces }
}
