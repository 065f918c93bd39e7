// Package artifact builds things once and keeps them: binaries, root file systems, image archives.
//
// A Recipe says how one thing is built and what decides its content. A Store keeps results under
//
//	ROOT/<recipe name>/<key>/            what Build wrote
//	ROOT/<recipe name>/<key>.manifest    sha256, size and modification time of each file
//	ROOT/<recipe name>/<key>.log         the output of the build
//
// where ROOT is $WUKONG_CACHE, else $XDG_CACHE_HOME/wukong, else ~/.cache/wukong, and the key is a hash over the
// recipe's Key, its Inputs and the keys of its Needs. A result is built in a temporary folder and renamed into place
// when it is complete, so an interrupted build leaves nothing that the next run could mistake for a result. What is
// found in the cache is checked against its manifest before it is used; what does not match is built again.
//
// A lock per recipe keeps two processes from building the same thing twice.
//
// The package is for whoever has something to build from Go modules, Debian packages and scripts: a Recipe of one's own
// needs a name, a Key and a Build function, and GoTools makes one from a module of tools. The tool modules of the dev
// cluster are found only in a checkout of the project, see SourceRoot.
package artifact
