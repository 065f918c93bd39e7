// Package attachment finds out which WukongVM may use a disk, and what else may write to its claim. Package custody has
// the rules; this package reads what they need, and reports the problems. It writes nothing.
package attachment
