package pasted

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// words splits a command as a POSIX shell does, and bash where it has $'…': quotes, backslashes and continued lines. It
// ends at the first operator. What a shell would expand stays as it is written, and is noted.
func words(text string) (list, notes []string, err error) {
	s := splitter{rest: text}
	for s.next() {
	}
	return s.list, s.notes, s.err
}

type splitter struct {
	rest  string
	word  strings.Builder
	begun bool // a word, which may be empty: ''
	list  []string
	notes []string
	err   error
}

// next takes one piece off the rest; false at the end.
func (s *splitter) next() bool {
	if s.rest == "" || s.err != nil {
		s.end()
		return false
	}
	c := s.rest[0]
	switch {
	case strings.HasPrefix(s.rest, "\\\n"):
		s.rest = s.rest[2:]
	case strings.HasPrefix(s.rest, "\\\r\n"):
		s.rest = s.rest[3:]
	case c == '\\' && len(s.rest) > 1:
		s.add(s.rest[1:2], 2)
	case c == '\'':
		s.quoted()
	case c == '"':
		s.doubleQuoted()
	case strings.HasPrefix(s.rest, "$'"):
		s.ansiQuoted()
	case c == ' ', c == '\t', c == '\r':
		s.end()
		s.rest = s.rest[1:]
	case c == '\n' && !s.begun && len(s.list) == 0: // lines before the command
		s.rest = s.rest[1:]
	case c == '#' && !s.begun:
		_, after, _ := strings.Cut(s.rest, "\n")
		s.rest = "\n" + after
		if after == "" {
			s.rest = ""
		}
	case strings.IndexByte("\n|;&<>()", c) >= 0:
		if strings.TrimSpace(strings.Trim(s.rest, ";")) != "" {
			s.notes = append(s.notes, "what follows the command (a pipe, a redirection, another command) is left out")
		}
		s.end()
		return false
	default:
		if c == '$' && len(s.rest) > 1 && s.rest[1] != ' ' || c == '`' {
			s.unexpanded()
		}
		s.add(s.rest[:1], 1)
	}
	return true
}

func (s *splitter) add(text string, taken int) {
	s.word.WriteString(text)
	s.begun = true
	s.rest = s.rest[taken:]
}

func (s *splitter) end() {
	if s.begun {
		s.list = append(s.list, s.word.String())
	}
	s.word.Reset()
	s.begun = false
}

func (s *splitter) unexpanded() {
	const note = "a $variable or $(command) stands as it is written: a shell would have put something else there"
	if len(s.notes) == 0 || s.notes[len(s.notes)-1] != note {
		s.notes = append(s.notes, note)
	}
}

func (s *splitter) quoted() {
	inside, after, ok := strings.Cut(s.rest[1:], "'")
	if !ok {
		s.err = errors.New("a ' is never closed: the command is not complete")
		return
	}
	s.word.WriteString(inside)
	s.begun = true
	s.rest = after
}

func (s *splitter) doubleQuoted() {
	s.begun = true
	rest := s.rest[1:]
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			s.rest = rest[i+1:]
			return
		case c == '\\' && i+1 < len(rest) && strings.IndexByte("\"\\$`\n", rest[i+1]) >= 0:
			i++
			if rest[i] != '\n' {
				s.word.WriteByte(rest[i])
			}
		default:
			if c == '`' || c == '$' && i+1 < len(rest) && (rest[i+1] == '(' || rest[i+1] == '{' || isLetter(rest[i+1])) {
				s.unexpanded()
			}
			s.word.WriteByte(c)
		}
	}
	s.err = errors.New(`a " is never closed: the command is not complete`)
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// ansi are the escapes of $'…' that stand for one byte.
const ansi = "a\ab\be\x1bE\x1bf\fn\nr\rt\tv\v\\\\''\"\"??"

// ansiQuoted reads $'…', which browsers write when they copy a request as curl.
func (s *splitter) ansiQuoted() {
	s.begun = true
	rest := s.rest[2:]
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == '\'' {
			s.rest = rest[i+1:]
			return
		}
		if c != '\\' || i+1 == len(rest) {
			s.word.WriteByte(c)
			continue
		}
		i++
		taken := 0
		switch c = rest[i]; {
		case c == 'x':
			taken = s.number(rest[i+1:], 2, 16, false)
		case c == 'u':
			taken = s.number(rest[i+1:], 4, 16, true)
		case c == 'U':
			taken = s.number(rest[i+1:], 8, 16, true)
		case '0' <= c && c <= '7':
			taken = s.number(rest[i:], 3, 8, false) - 1
		default:
			if at := strings.IndexByte(ansi, c); at >= 0 && at%2 == 0 {
				s.word.WriteByte(ansi[at+1])
			} else {
				s.word.WriteByte('\\')
				s.word.WriteByte(c)
			}
		}
		if taken < 0 {
			s.err = fmt.Errorf("what follows \\%c in $'…' is not a number", c)
			return
		}
		i += taken
	}
	s.err = errors.New("a $' is never closed: the command is not complete")
}

// number writes the byte or the character that some digits stand for, and returns how many they were, -1 for none.
func (s *splitter) number(text string, most, base int, character bool) int {
	n := 0
	for n < min(most, len(text)) {
		if _, err := strconv.ParseUint(text[n:n+1], base, 8); err != nil {
			break
		}
		n++
	}
	value, err := strconv.ParseUint(text[:n], base, 32)
	switch {
	case err != nil:
		return -1
	case !character:
		s.word.WriteByte(byte(value))
		return n
	}
	// Browsers write characters beyond the first plane as two halves.
	if value>>10 == 0xd800>>10 && strings.HasPrefix(text[n:], `\u`) && len(text) >= n+6 {
		if low, err := strconv.ParseUint(text[n+2:n+6], 16, 32); err == nil && low>>10 == 0xdc00>>10 {
			s.word.WriteString(string(rune(0x10000 + (value-0xd800)<<10 + low - 0xdc00)))
			return n + 6
		}
	}
	if value > utf8.MaxRune {
		return -1
	}
	s.word.WriteString(string(rune(value)))
	return n
}
