package model

import (
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Claims are the names of the PersistentVolumeClaims of a disk.
type Claims struct {
	// First is the claim that the disk began with. It may have been deleted.
	First string
	// Current is the claim that holds the disk. It is empty until that is known.
	Current string
	// Target is the claim that the disk moves to; empty when it does not move.
	Target string
}

// ClaimsOf returns the claims of a disk.
func ClaimsOf(disk *v1alpha1.WukongDisk) Claims {
	claims := Claims{First: disk.ClaimName(), Current: disk.Status.ClaimName}
	if move := disk.Status.Move; move != nil {
		claims.Target = move.TargetClaimName
	}
	return claims
}

// All returns the names of the claims in alphabetical order, each once.
func (c Claims) All() []string {
	names := []string{c.First, c.Current, c.Target}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// Hold reports whether a claim holds the disk, or will hold it after its move.
func (c Claims) Hold(claim string) bool {
	return claim != "" && (claim == c.Current || claim == c.Target)
}
