// Package keeptest gives unit tests foreign objects as the cache does, so that a reader which needs a field that its
// Keep does not copy fails its own tests. A package whose unit tests create such objects has
//
//	func TestMain(m *testing.M) { keeptest.Main(m) }
//
// which fails the tests also when one of them sets such a field later.
package keeptest

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/novasphere/wukong/controllers/internal/kind"
)

var (
	mutex sync.Mutex
	// checks report what a test has set of an object that the cache would not hold.
	checks []func() string
)

// Object is an object as a reader with the given functions of kind.Copy gets it.
func Object[T any, P kind.Pointer[T]](full P, functions ...func(full, kept P)) P {
	kept := kind.Kept(full, functions...)
	mutex.Lock()
	defer mutex.Unlock()
	checks = append(checks, func() string {
		again := kind.Kept(kept, functions...)
		if equality.Semantic.DeepEqual(again, kept) {
			return ""
		}
		return fmt.Sprintf("a test sets fields of a %T that the cache does not keep. It has\n%s\nand the cache "+
			"keeps\n%s", kept, text(kept), text(again))
	})
	return kept
}

// Main runs the tests of a package, and checks the objects that they created by Object.
func Main(m *testing.M) {
	code := m.Run()
	for _, check := range checks {
		if fault := check(); fault != "" {
			fmt.Fprintln(os.Stderr, fault)
			os.Exit(max(code, 1))
		}
	}
	os.Exit(code)
}

func text(object any) string {
	text, err := json.Marshal(object)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
