package warnings

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pages is an API server that answers each list with the next page, and records what it is asked for.
type pages struct {
	client.Reader
	events [][]corev1.Event
	asked  []client.ListOptions
	err    error
}

func (p *pages) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	asked := client.ListOptions{}
	asked.ApplyOptions(options)
	p.asked = append(p.asked, asked)
	found, more := list.(*corev1.EventList), ""
	if p.err != nil && len(p.asked) == len(p.events) {
		return p.err
	}
	if len(p.asked) < len(p.events) {
		more = "page " + string(rune('0'+len(p.asked)))
	}
	found.Items, found.Continue = p.events[len(p.asked)-1], more
	return nil
}

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func warning(minute int, kind, name, message string) corev1.Event {
	return corev1.Event{
		Message: message, LastTimestamp: metav1.NewTime(began.Add(time.Duration(minute) * time.Minute)),
		InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name},
	}
}

// A namespace can have thousands of events: they are read in pages, and all of them count.
func TestWarningsAreReadInPages(t *testing.T) {
	api := &pages{events: [][]corev1.Event{
		{warning(1, "Pod", "web", "first page")},
		{warning(3, "Pod", "web", "second page"), warning(4, "Pod", "other", "of another")},
		{warning(2, "Pod", "web", "third page")},
	}}
	says, err := About(t.Context(), api, "shop", began, Object{Kind: "Pod", Name: "web"})
	require.NoError(t, err)
	assert.Equal(t, "Pod web: second page", says)
	require.Len(t, api.asked, 3)
	for i, asked := range api.asked {
		assert.Equal(t, "shop", asked.Namespace)
		assert.EqualValues(t, page, asked.Limit)
		assert.Equal(t, "type=Warning", asked.FieldSelector.String(), "the API server selects, not the manager")
		assert.Equal(t, []string{"", "page 1", "page 2"}[i], asked.Continue)
	}
}

func TestWarningsThatCannotBeRead(t *testing.T) {
	for count := range 3 {
		api := &pages{events: make([][]corev1.Event, count+1), err: errors.New("the continue token is too old")}
		api.events[0] = []corev1.Event{warning(1, "Pod", "web", "first page")}
		says, err := About(t.Context(), api, "shop", began, Object{Kind: "Pod", Name: "web"})
		require.EqualError(t, err, "list the warnings of namespace shop: the continue token is too old")
		assert.Empty(t, says, "half of the events could give another message each time")
	}
	api := &pages{events: make([][]corev1.Event, 1), err: errors.New("forbidden")}
	_, err := Latest(t.Context(), api, "shop", fields.Everything())
	assert.EqualError(t, err, "list the events of namespace shop: forbidden")
}

// What was reported before something was tried last explains nothing.
func TestWhichWarningsCount(t *testing.T) {
	since := began.Add(2 * time.Minute)
	series := corev1.Event{Message: "series", InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web"},
		EventTime: metav1.NewMicroTime(began),
		Series:    &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(since.Add(time.Second))}}
	over := series
	over.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(began)}
	for name, row := range map[string]struct {
		event corev1.Event
		says  string
	}{
		"before":                     {warning(1, "Pod", "web", "old"), ""},
		"at the moment":              {warning(2, "Pod", "web", "now"), "Pod web: now"},
		"after":                      {warning(3, "Pod", "web", "new"), "Pod web: new"},
		"a series that goes on":      {series, "Pod web: series"},
		"a series that is over":      {over, ""},
		"without a time":             {corev1.Event{InvolvedObject: series.InvolvedObject, Message: "never"}, ""},
		"of another kind":            {warning(3, "VirtualMachineInstance", "web", "other"), ""},
		"of a longer name":           {warning(3, "Pod", "web-2", "other"), ""},
		"a restart without a cause":  {warning(3, "Pod", "web", restarting+" compute in pod web"), ""},
		"a combined one":             {warning(3, "Pod", "web", combined+"no plugin"), "Pod web: no plugin"},
		"a short hexadecimal number": {warning(3, "Pod", "web", "code deadbeef"), "Pod web: code deadbeef"},
	} {
		says, err := About(t.Context(), &pages{events: [][]corev1.Event{{row.event}}}, "shop", since,
			Object{Kind: "Pod", Name: "web"})
		require.NoError(t, err, name)
		assert.Equal(t, row.says, says, name)
	}
}

// A generateName is a prefix of names of other objects, too: the API server adds five characters.
func TestNamesThatWereGenerated(t *testing.T) {
	for name, is := range map[string]bool{
		"web-abcde": true, "web-2-abcde": false, "web-abcd": false, "web-abcdef": false, "web-": false, "other-abcde": false,
	} {
		generated := Object{Kind: "Pod", Name: "web-", Generated: true}
		assert.Equal(t, is, generated.is(&corev1.ObjectReference{Kind: "Pod", Name: name}), name)
		assert.False(t, generated.is(&corev1.ObjectReference{Kind: "Job", Name: name}), name)
	}
}

func TestLatest(t *testing.T) {
	selector := fields.OneTermEqualSelector("involvedObject.uid", "1")
	api := &pages{events: [][]corev1.Event{{
		warning(1, "Job", "a", "first"), warning(3, "Job", "a", "last"), warning(2, "Job", "a", "second")}}}
	latest, err := Latest(t.Context(), api, "shop", selector)
	require.NoError(t, err)
	assert.Equal(t, "last", latest.Message)
	assert.Equal(t, "involvedObject.uid=1", api.asked[0].FieldSelector.String())
	none, err := Latest(t.Context(), &pages{events: make([][]corev1.Event, 1)}, "shop", selector)
	require.NoError(t, err)
	assert.Nil(t, none)
}
