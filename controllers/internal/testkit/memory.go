package testkit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// memory is what was read since an attempt began, in order.
type memory struct {
	mutex sync.Mutex
	reads []sight
}

// sight is the last answer to one question.
type sight struct{ question, answer string }

// mostShown bounds what the message of one failure shows.
const mostShown = 8

func (m *memory) forget() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.reads = nil
}

func (m *memory) remember(question, answer string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.reads = slices.DeleteFunc(m.reads, func(one sight) bool { return one.question == question })
	m.reads = append(m.reads, sight{question, answer})
}

// String shows what was read last.
func (m *memory) String() string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.reads) == 0 {
		return "nothing was read through the fixture's client"
	}
	var text strings.Builder
	for _, one := range m.reads[max(0, len(m.reads)-mostShown):] {
		fmt.Fprintf(&text, "%s: %s\n", one.question, one.answer)
	}
	return strings.TrimSpace(text.String())
}

// remembering is a client whose reads a memory keeps.
type remembering struct {
	client.Client
	memory *memory
}

// Get implements client.Reader.
func (r remembering) Get(
	ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption,
) error {
	err := r.Client.Get(ctx, key, object, options...)
	question := fmt.Sprintf("%T %s", object, key)
	if err != nil {
		r.memory.remember(question, err.Error())
		return err
	}
	r.memory.remember(question, show(object))
	return nil
}

// List implements client.Reader.
func (r remembering) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	err := r.Client.List(ctx, list, options...)
	question := fmt.Sprintf("%T %+v", list, options)
	if err != nil {
		r.memory.remember(question, err.Error())
		return err
	}
	var names []string
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		object, err := meta.Accessor(item)
		if err == nil {
			names = append(names, object.GetNamespace()+"/"+object.GetName())
		}
		return err
	})
	r.memory.remember(question, fmt.Sprintf("%d: %s", len(names), strings.Join(names, ", ")))
	return nil
}

// show returns an object as text, without its managed fields.
func show(object client.Object) string {
	shown := object.DeepCopyObject().(client.Object)
	shown.SetManagedFields(nil)
	text, err := yaml.Marshal(shown)
	if err != nil {
		return fmt.Sprintf("%+v", shown)
	}
	return "\n  " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  ")
}
