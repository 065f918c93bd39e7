// Package imageserver serves guest images over HTTP inside the dev cluster, well and badly, for tests of imports.
//
//	/NAME                       the file, with Range, HEAD and Last-Modified
//	/status/CODE[/...]          an empty answer with that status, for example /status/404
//	/slow/BYTES/NAME            the file at BYTES per second
//	/truncate/NAME              the file, whose second half never comes: the connection drops, whichever range is asked for
//	/hang/NAME                  no answer until the client gives up
//	/auth/USER/PASSWORD/NAME    the file, for requests with these credentials in basic authentication; else 401
//	/healthz                    200
package imageserver
