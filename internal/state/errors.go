package state

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"holdfast/internal/webhook"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrUnreachable is wrapped by errors of a database that is away, starting, stopping or too busy to let anybody in: to wait
// may help. A wrong password or a database that does not exist is none.
var ErrUnreachable = errors.New("the database cannot be reached")

// errAgain asks for the transaction to be done again.
var errAgain = errors.New("the event log changed meanwhile")

// A failure is what a database said, without the values that it may have said it about.
type failure struct {
	text    string
	passing bool // the same transaction may succeed in a moment
	data    bool // the data is at fault
	away    bool // the database lets nobody in for now
}

func (f *failure) Error() string { return f.text }

func (f *failure) Is(target error) bool {
	return f.data && target == webhook.ErrUnprocessable || f.away && target == ErrUnreachable
}

func passing(err error) bool {
	var f *failure
	return errors.Is(err, errAgain) || errors.As(err, &f) && f.passing
}

// clean makes a failure of a database's own error, and says so if the database did not come to speak; others stay as they
// are.
func clean(err error) error {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return cleanPostgres(p)
	}
	if s, ok := errors.AsType[*sqlite.Error](err); ok {
		code := s.Code() & 0xff // of an extended code
		return &failure{
			text:    s.Error(), // names tables and columns, no values
			away:    code == sqlite3.SQLITE_BUSY,
			passing: code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED,
			data:    code == sqlite3.SQLITE_CONSTRAINT || code == sqlite3.SQLITE_TOOBIG || code == sqlite3.SQLITE_MISMATCH,
		}
	}
	if disconnected(err) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// disconnected reports whether there is no connection, or none any more. The errors name a host, a user and a database.
func disconnected(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn)
}

// lettingNobodyIn are what PostgreSQL says when it stops, has crashed, is starting, and has too many connections.
var lettingNobodyIn = []string{"57P01", "57P02", "57P03", "53300"}

// cleanPostgres leaves detail, hint and context behind, and the message where it quotes the value at fault.
func cleanPostgres(p *pgconn.PgError) *failure {
	f := &failure{text: fmt.Sprintf("%s (SQLSTATE %s)", p.Message, p.Code)}
	switch p.Code[:min(2, len(p.Code))] {
	case "22": // data exception
		f.data = true
		f.text = fmt.Sprintf("a value is not of the kind that its column holds (SQLSTATE %s)", p.Code)
	case "23", "54": // constraint violation; program limit, such as a value too long for an index
		f.data = true
	}
	f.away = slices.Contains(lettingNobodyIn, p.Code)
	f.passing = slices.Contains([]string{"40001", "40P01", "55P03"}, p.Code) // serialization failure, deadlock, lock timeout
	return f
}
