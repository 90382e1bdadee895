package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// confirm asks whoever is at a terminal whether to go on with what is meant. Who is not must have said so.
func confirm(in io.Reader, out io.Writer, yes bool, what string) error {
	if yes {
		return nil
	}
	if isTerminal(in) {
		fmt.Fprintf(out, "%s. Go on? [y/N] ", what)
		answer, err := bufio.NewReader(in).ReadString('\n')
		switch a := strings.ToLower(strings.TrimSpace(answer)); {
		case a == "y" || a == "yes":
			return nil
		case err == nil:
			return errors.New("nothing was changed")
		case !errors.Is(err, io.EOF):
			return fmt.Errorf("read answer: %w", err)
		}
	}
	return fmt.Errorf("nothing was changed, because nobody could be asked: %s; --yes does it", what)
}

// A statusLine is a line that is written anew on a terminal; elsewhere there is a new one. It changes not more often than every.
type statusLine struct {
	out   io.Writer
	live  bool
	every time.Duration
	last  string
	said  time.Time
}

func newStatusLine(out io.Writer, every time.Duration) *statusLine {
	return &statusLine{out: out, live: isTerminal(out), every: every, said: time.Now()}
}

func (l *statusLine) show(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if text == l.last || time.Since(l.said) < l.every {
		return
	}
	if l.last, l.said = text, time.Now(); l.live {
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
	} else {
		fmt.Fprintln(l.out, text)
	}
}

// end ends the line, if there is one.
func (l *statusLine) end() {
	if l.live && l.last != "" {
		fmt.Fprintln(l.out)
	}
	l.last = ""
}

// A progress shows in a status line how many of many are done: with a bar on a terminal, and every ten seconds elsewhere.
type progress struct {
	*statusLine
	word  string
	began time.Time
}

func newProgress(out io.Writer, word string) *progress {
	p := &progress{newStatusLine(out, 10*time.Second), word, time.Now()}
	if p.live {
		p.every = lookEvery / 2
	}
	return p
}

func (p *progress) at(done, failed, total int64) {
	const width = 30
	bar := ""
	if p.live && total > 0 {
		full := int(min(width, width*(done+failed)/total))
		bar = fmt.Sprintf("[%s%s] ", strings.Repeat("#", full), strings.Repeat(".", width-full))
	}
	p.show("%s%d of %d %s, %d failed, %.0f/s", bar, done, total, p.word, failed, float64(done)/time.Since(p.began).Seconds())
}

func (p *progress) took() time.Duration { return time.Since(p.began).Round(100 * time.Millisecond) }
