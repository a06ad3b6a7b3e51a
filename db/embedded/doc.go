// Package embedded runs a real PostgreSQL for the server, so that one command
// is enough to try it: it finds an installed PostgreSQL (15 or newer) or
// fetches one, makes a database once, starts postgres as a child process and
// ends it again.
//
//	server, err := embedded.Start(ctx, embedded.Config{Download: embedded.DownloadAuto})
//	if err != nil {
//		return err
//	}
//	defer server.Stop(context.WithoutCancel(ctx))
//	pool, err := pgxpool.New(ctx, server.URL())
//
// What it promises:
//
//   - A data directory is never deleted, re-created or upgraded. What cannot be
//     used as it is, is rejected with the command that helps.
//   - A data directory has one server, by a lock on a file beside it, and only
//     our own PostgreSQL is ever stopped.
//   - A kill -9 at any moment, of this process, of postgres or of both, while
//     the database is made or while it runs, and the next Start works.
//   - Only the same user on the same machine can connect: a Unix socket in a
//     private directory, a generated password, no TCP unless a port is asked
//     for (and then 127.0.0.1 only).
//
// A PostgreSQL that outlived its server is ended in good order and a new one
// is started; it is not adopted. The new one is then always our child (its end
// is seen at once, it ends with us) and always has the settings of this run.
//
// One data directory looks like this:
//
//	postgres/                           PostgreSQL's own files, and:
//	postgres/connection.url             the URL to connect to, mode 0600
//	postgres/noetl-catalog.password     the password in that URL, mode 0600
//	postgres/postgres.log               what PostgreSQL reports
//	postgres/.s.PGSQL.5432              the socket, where the path is short enough
//	postgres.lock                       locked while a server runs
//	postgres.init-*/                    a database in the making
package embedded
