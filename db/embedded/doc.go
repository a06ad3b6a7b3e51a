// Package embedded runs a real PostgreSQL for the server, so that one command
// is enough to try it: it finds an installed PostgreSQL (15 or newer) or
// fetches one, makes a database once, and runs postgres as a child process.
//
//	server, err := embedded.Start(ctx, embedded.Config{Download: true})
//	if err != nil {
//		return err
//	}
//	defer server.Stop(context.WithoutCancel(ctx))
//	pool, err := pgxpool.New(ctx, server.URL())
//
// What it promises:
//
//   - A data directory is never deleted, re-created or upgraded. If it cannot be
//     used as it is, the error says which command helps.
//   - A data directory has one server, by a lock on a file beside it, and only
//     our own PostgreSQL is ever stopped.
//   - The next Start works after a kill -9 at any moment, of this process, of
//     postgres or of both, while the database is made or while it runs.
//   - A Keeper starts PostgreSQL again for as long as it takes, and never makes a new
//     database in place of one that is missing.
//   - Only the same user on the same machine can connect: a Unix socket in a
//     private directory, a generated password, and no TCP unless Config.Port is
//     set (and then on 127.0.0.1 only).
//
// A PostgreSQL that outlived its server is shut down, not adopted, and a new one is
// started: always our child, whose end we see at once and which ends with us, with
// the settings of this run.
//
// One data directory looks like this:
//
//	postgres/                           PostgreSQL's own files, and:
//	postgres/connection.url             the URL to connect to, mode 0600
//	postgres/noetl-catalog.password     the password in that URL, mode 0600
//	postgres/postgres.log               PostgreSQL's log
//	postgres/.s.PGSQL.5432              the socket, if the path is short enough
//	postgres.lock                       locked while a server runs
//	postgres.init-*/                    a database that is being made
package embedded
