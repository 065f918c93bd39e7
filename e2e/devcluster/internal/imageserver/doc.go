// Package imageserver serves guest images over HTTP inside the dev cluster, well and badly, for tests of imports.
//
//	/NAME                       the file, with Range, HEAD and Last-Modified
//	/bucket/NAME                the same, as Google's Cloud Storage serves public objects, whose XML API needs no more
//	/status/CODE[/...]          an empty answer with that status, for example /status/404
//	/slow/BYTES/NAME            the file at BYTES per second
//	/truncate/NAME              the file, whose second half never comes: the connection drops, whichever range is
//	                            asked for
//	/flaky/COUNT/KEY/NAME       the same for the first COUNT times that someone asks for it by this KEY, then the file
//	/cut/NAME                   the first half of the file, as if it were the whole: nobody can tell from the transfer
//	/corrupt/NAME               the file with a header of a known format (qcow2) that makes no sense
//	/hang/NAME                  no answer until the client gives up
//	/auth/USER/PASSWORD/NAME    the file, for requests with these credentials in basic authentication; else 401
//	/ca.crt                     the authority that signed the server's certificate for HTTPS, new at each start
//	/healthz                    200
package imageserver
