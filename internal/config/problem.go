package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A position is a place in the file, counted from 1; 0 is nowhere.
type position struct{ line, column int }

// A problem is one thing wrong with the file. Its text holds names and our own words, never a value.
type problem struct {
	position
	at   string // the setting, as sources.meta-main.path; empty for the file
	text string
}

// problems is the error of a file: one line for each, in the order of the file.
type problems struct {
	file string
	list []problem
}

func (p *problems) Error() string {
	list := slices.Clone(p.list)
	slices.SortStableFunc(list, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var lines []string
	for _, one := range list {
		where := p.file + ":"
		if one.line > 0 {
			where += fmt.Sprintf("%d:%d:", one.line, one.column)
		}
		if one.at != "" {
			where += " " + one.at + ":"
		}
		lines = append(lines, where+" "+one.text)
	}
	return strings.Join(lines, "\n")
}

// join makes the name of a setting from that of what it is in. Names that could confuse a reader, or are no names at
// all, are quoted and cut.
func join(at, key string) string {
	plain := key != "" && len(key) <= 64
	for _, c := range key {
		plain = plain && (c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}
	if !plain {
		key = strconv.QuoteToASCII(key[:min(len(key), 64)])
	}
	if at == "" {
		return key
	}
	return at + "." + key
}

// didYouMean is ", did you mean X?" with the name nearest to a wrong one, or nothing if none is near.
func didYouMean(wrong string, known []string) string {
	best, least := "", max(2, len(wrong)/3)+1
	for _, name := range known {
		if d := distance(wrong, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance counts the letters to add, drop or change to get from one word to the other.
func distance(a, b string) int {
	if len(a) > 64 { // no name is that long, and the time is a product
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// short writes a bound as people write it in the file: 72h, not 72h0m0s.
func short(bound any) string {
	text := fmt.Sprint(bound)
	if _, ok := bound.(time.Duration); ok {
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
	}
	return text
}
