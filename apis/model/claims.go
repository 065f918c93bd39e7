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
	// Restored and Previous are the new claim of a restore that has not ended, and the one that it replaces. Current is
	// one of them. They are empty without a restore.
	Restored, Previous string
}

// ClaimsOf returns the claims of a disk.
func ClaimsOf(disk *v1alpha1.WukongDisk) Claims {
	claims := Claims{First: disk.ClaimName(), Current: disk.Status.ClaimName}
	if move := disk.Status.Move; move != nil {
		claims.Target = move.TargetClaimName
	}
	if restore := disk.Status.Restore; restore != nil && restore.Phase != v1alpha1.DiskRestoreDone {
		claims.Restored, claims.Previous = restore.TargetClaimName, restore.PreviousClaimName
	}
	return claims
}

// All returns the names of the claims in alphabetical order, each once.
func (c Claims) All() []string { return sorted(append(c.held(), c.First)) }

// Held returns the names of the claims of which one holds the disk now, or will hold it, in alphabetical order.
func (c Claims) Held() []string { return sorted(c.held()) }

func (c Claims) held() []string { return []string{c.Current, c.Target, c.Restored, c.Previous} }

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// Hold reports whether a claim holds the disk, or will hold it after its move or restore, or did before the restore.
func (c Claims) Hold(claim string) bool { return claim != "" && slices.Contains(c.held(), claim) }
