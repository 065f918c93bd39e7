// Package kind has the form in which a kind declares itself once: what its objects are, what its controller reads, why
// it reads it, which changes start a pass, and how much of a foreign object the cache keeps for it. The file kind.go of
// each kind's folder has the declaration, and controllers.go lists them. Indexes, cache options, the REST mapper,
// watches and names derive from the list. What is listed outside Go, such as roles and charts, is generated from the
// folders or compared with the list by a test.
//
// # What the cache keeps
//
// Several controllers of a manager read the same type, and share one cache of it. The cache selects what any of them
// selects, and keeps of each object what any of them keeps. A Keep copies the fields that one reader needs from the
// full object to an empty one, so that the union is made by calling one after another. It assigns field by field, and
// never a part of a struct or list that another Keep may have copied in full.
//
// A reader that needs a field which its Keep does not copy would read a zero value, without an error. So unit tests
// pass each foreign object that they make through Kept, with the Keep of its reader: such a reader fails its own unit
// test.
package kind
