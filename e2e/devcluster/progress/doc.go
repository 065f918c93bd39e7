// Package progress tells the person at the terminal what is being done and for how long.
//
// Every piece of work is a Step. A step prints one line when it ends, with the time it took. While it runs, a terminal
// shows one live line with all running steps; anything else (a file, CI) gets a line per step every fifteen seconds, so
// that a long build never looks dead. Steps may run at the same time.
//
// A Reporter is for one output, mostly standard error, so that standard output stays for results.
package progress
