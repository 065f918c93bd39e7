package scope

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// authorizer answers which rights a manager has: resources by namespace.
type authorizer struct {
	client.Client
	granted map[string][]string
	asked   []string
	err     error
}

func newAuthorizer(granted map[string][]string) *authorizer {
	made := &authorizer{granted: granted}
	made.Client = fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, obj client.Object, _ ...client.CreateOption) error {
			review := obj.(*authorizationv1.SelfSubjectAccessReview)
			asks := review.Spec.ResourceAttributes
			made.asked = append(made.asked, asks.Verb+" "+asks.Group+"/"+asks.Resource+" in "+asks.Namespace)
			for _, resource := range made.granted[asks.Namespace] {
				review.Status.Allowed = review.Status.Allowed || resource == asks.Resource
			}
			return made.err
		},
	}).Build()
	return made
}

// A namespace that was deleted took its Roles with it: the manager works on in the others.
func TestWhereAReleaseHasRights(t *testing.T) {
	for name, row := range map[string]struct {
		rights            map[string][]string
		granted, withheld Namespaces
	}{
		"everywhere": {map[string][]string{"lab": {"wukongvms"}, "office": {"wukongvms"}, "shop": {"wukongvms"}},
			Namespaces{"lab", "office", "shop"}, nil},
		"not in all": {map[string][]string{"shop": {"wukongvms"}, "lab": {"wukongvms"}},
			Namespaces{"lab", "shop"}, Namespaces{"office"}},
		"of a manager of images only": {map[string][]string{"office": {"wukongs"}},
			Namespaces{"office"}, Namespaces{"lab", "shop"}},
		"of other kinds only": {map[string][]string{"lab": {"wukongdisks"}, "shop": {"wukongs"}},
			Namespaces{"shop"}, Namespaces{"lab", "office"}},
	} {
		t.Run(name, func(t *testing.T) {
			granted, withheld, err := Namespaces{"lab", "office", "shop"}.Granted(t.Context(), newAuthorizer(row.rights))
			require.NoError(t, err)
			assert.Equal(t, row.granted, granted)
			assert.Equal(t, row.withheld, withheld)
		})
	}
}

// A manager that may work nowhere would be idle for ever, and nobody would know why.
func TestAReleaseWithoutRights(t *testing.T) {
	_, _, err := Namespaces{"lab", "shop"}.Granted(t.Context(), newAuthorizer(nil))
	require.EqualError(t, err, "no right to read in any of the namespaces lab, shop: create them, and their Roles with "+
		"the chart's value namespaces")

	api := newAuthorizer(nil)
	granted, withheld, err := Namespaces(nil).Granted(t.Context(), api)
	require.NoError(t, err)
	assert.False(t, granted.Limited() || withheld.Limited())
	assert.Empty(t, api.asked, "a release for all namespaces has a ClusterRole")

	api = newAuthorizer(map[string][]string{"lab": {"wukongvms"}})
	api.err = errors.New("connection refused")
	_, _, err = Namespaces{"lab"}.Granted(t.Context(), api)
	require.EqualError(t, err, "ask for the own rights in namespace lab: connection refused")
	assert.Equal(t, []string{"list " + v1alpha1.GroupName + "/wukongvms in lab"}, api.asked)
}

// The manager ends by itself when it is granted rights in one more namespace, and is started again.
func TestAwaitingRights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, began := newAuthorizer(map[string][]string{}), time.Now()
		api.err = errors.New("connection refused")
		ended := make(chan error, 1)
		go func() { ended <- Namespaces{"lab", "office"}.Await(api, time.Minute).Start(t.Context()) }()
		time.Sleep(90 * time.Second)
		synctest.Wait()
		assert.Empty(t, ended, "an API server that does not answer is asked again")
		api.err = nil
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, ended)
		api.granted["office"] = []string{"wukongs"}
		err := <-ended
		require.ErrorIs(t, err, ErrStartAgain)
		require.EqualError(t, err, "there are rights in office now: start again, to work there too")
		assert.Equal(t, 3*time.Minute, time.Since(began))
	})
}

func TestAwaitingEndsWithTheManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- Namespaces{"lab"}.Await(newAuthorizer(nil), time.Minute).Start(ctx) }()
		synctest.Wait()
		stop()
		assert.NoError(t, <-ended)
	})
	waits := Namespaces{"lab"}.Await(nil, time.Minute).(interface{ NeedLeaderElection() bool })
	assert.False(t, waits.NeedLeaderElection(), "a replica that does not lead must start again, too")
}

func secretIn(namespace string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "login"}}
}

// To a release for some namespaces, the objects of others do not exist. An error would be retried for ever.
func TestWhatALimitedClientReads(t *testing.T) {
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-1"}}
	inner := fake.NewClientBuilder().WithObjects(secretIn("shop"), secretIn("lab"), volume).Build()
	some := limited{Client: inner, namespaces: Namespaces{"shop"}}
	read := func(namespace, name string, obj client.Object) error {
		return some.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, obj)
	}
	require.NoError(t, read("shop", "login", &corev1.Secret{}))
	require.NoError(t, read("", "pv-1", &corev1.PersistentVolume{}), "an object of the cluster")
	err := read("lab", "login", &corev1.Secret{})
	assert.True(t, apierrors.IsNotFound(err), "%v", err)
	assert.EqualError(t, err, `Secret "lab/login" not found`)
	err = read("lab", "login", &v1alpha1.WukongVM{})
	require.Error(t, err)
	assert.False(t, apierrors.IsNotFound(err), "a type that the scheme does not know is a fault of the program")

	for name, row := range map[string]struct {
		options []client.ListOption
		found   int
	}{
		"in the namespace":   {[]client.ListOption{client.InNamespace("shop")}, 1},
		"in another":         {[]client.ListOption{client.InNamespace("lab")}, 0},
		"in all":             {nil, 2},
		"the last one wins":  {[]client.ListOption{client.InNamespace("lab"), client.InNamespace("shop")}, 1},
		"in another, by key": {[]client.ListOption{&client.ListOptions{Namespace: "lab"}}, 0},
	} {
		list := &corev1.SecretList{Items: []corev1.Secret{*secretIn("old")}}
		require.NoError(t, some.List(t.Context(), list, row.options...), name)
		assert.Len(t, list.Items, row.found, name)
	}
}

func TestWhichClientIsLimited(t *testing.T) {
	options := client.Options{Scheme: clientgoscheme.Scheme, Mapper: fake.NewClientBuilder().Build().RESTMapper()}
	all, err := Namespaces(nil).NewClient(&rest.Config{}, options)
	require.NoError(t, err)
	_, is := all.(limited)
	assert.False(t, is)
	some, err := Namespaces{"shop"}.NewClient(&rest.Config{}, options)
	require.NoError(t, err)
	assert.IsType(t, limited{}, some)
	_, err = Namespaces{"shop"}.NewClient(nil, options)
	assert.Error(t, err)
}
