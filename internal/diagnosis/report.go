package diagnosis

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// A Mark says what a line of a report means for the outcome.
type Mark string

// The marks.
const (
	Good Mark = "ok"
	Bad  Mark = "no"
	Note Mark = "-"
)

// A Line is one thing that was found.
type Line struct {
	Mark  Mark
	About string // source, header, body, secret, tried
	Says  string
}

// A Report is what was found, in the order in which a request is verified.
type Report struct {
	Lines    []Line
	Verifies bool
	Verdict  string
	Finding  string   // with what change it would verify: "over the body …"; "" if none was found, or none is needed
	Advice   []string // what to do; each a sentence or two
}

func (r *Report) add(mark Mark, about, format string, args ...any) {
	r.Lines = append(r.Lines, Line{mark, about, fmt.Sprintf(format, args...)})
}

func (r *Report) advise(format string, args ...any) {
	r.Advice = append(r.Advice, fmt.Sprintf(format, args...))
}

// redacted stands for a secret.
const redacted = "[secret]"

// redact takes out of the report what must not be there anyway. Short secrets are left: they are words like others.
func (r *Report) redact(secrets []string) {
	var pairs []string
	for _, s := range secrets {
		if len(s) >= 8 {
			pairs = append(pairs, s, redacted)
		}
	}
	replacer := strings.NewReplacer(pairs...)
	for i := range r.Lines {
		r.Lines[i].Says = replacer.Replace(r.Lines[i].Says)
	}
	r.Verdict, r.Finding = replacer.Replace(r.Verdict), replacer.Replace(r.Finding)
	for i := range r.Advice {
		r.Advice[i] = replacer.Replace(r.Advice[i])
	}
}

// Write writes the report for a person.
func (r *Report) Write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	about := ""
	for _, line := range r.Lines {
		name := line.About
		if name == about {
			name = ""
		}
		about = cmp.Or(line.About, about)
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, line.Mark, printable(line.Says))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", wrapped(r.Verdict, ""))
	if r.Finding != "" {
		fmt.Fprintf(w, "%s\n", wrapped("It would verify "+r.Finding+".", ""))
	}
	for _, advice := range r.Advice {
		fmt.Fprintf(w, "%s\n", wrapped("- "+advice, "  "))
	}
	return nil
}

const width = 100

// wrapped breaks a text into lines for a terminal.
func wrapped(text, indent string) string {
	var out strings.Builder
	column := 0
	for i, word := range strings.Split(printable(text), " ") {
		size := utf8.RuneCountInString(word)
		switch {
		case i > 0 && column+1+size > width:
			out.WriteString("\n" + indent)
			column = len(indent)
		case i > 0:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += size
	}
	return out.String()
}

// printable leaves out what could mislead whoever reads it on a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
