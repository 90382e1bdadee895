// Package pasted reads requests as people paste them into a terminal: a curl command line, or an HTTP request as text.
// It runs nothing and expands nothing.
package pasted

import (
	"net/http"
	"slices"
)

// A Request is what would have been sent.
type Request struct {
	Method string // upper case as written; POST if nothing says otherwise and there is a body
	URL    string // as written, "" if there is none
	Header http.Header
	Body   []byte

	// File is the body as a file holds it, where the command would have sent it changed; else nil.
	File []byte

	// Notes say what was left out, added or changed while reading, each in a few words. They repeat no value.
	Notes []string
}

// note adds what is worth saying, once; nobody reads hundreds.
func (r *Request) note(words string) {
	if len(r.Notes) < 100 && !slices.Contains(r.Notes, words) {
		r.Notes = append(r.Notes, words)
	}
}
