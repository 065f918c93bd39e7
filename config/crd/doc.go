// Package crd has the generated definitions of all kinds, in bases, and the tests of what their schemas promise.
package crd
