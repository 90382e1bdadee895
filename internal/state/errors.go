package state

import (
	"errors"
	"fmt"

	"holdfast/internal/webhook"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// errAgain asks for the transaction to be done again.
var errAgain = errors.New("the event log changed meanwhile")

// A failure is what a database said, without the values that it may have said it about.
type failure struct {
	text    string
	passing bool // the same transaction may succeed in a moment
	data    bool // the data is at fault
}

func (f *failure) Error() string { return f.text }

func (f *failure) Is(target error) bool { return f.data && target == webhook.ErrUnprocessable }

func passing(err error) bool {
	var f *failure
	return errors.Is(err, errAgain) || errors.As(err, &f) && f.passing
}

// clean makes a failure of a database's own error; others stay as they are.
func clean(err error) error {
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return cleanPostgres(p)
	}
	if s, ok := errors.AsType[*sqlite.Error](err); ok {
		code := s.Code() & 0xff // of an extended code
		return &failure{
			text:    s.Error(), // names tables and columns, no values
			passing: code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED,
			data:    code == sqlite3.SQLITE_CONSTRAINT || code == sqlite3.SQLITE_TOOBIG || code == sqlite3.SQLITE_MISMATCH,
		}
	}
	return err
}

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
	f.passing = p.Code == "40001" || p.Code == "40P01" // serialization failure, deadlock
	return f
}
