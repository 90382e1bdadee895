package webhook

import (
	"path"
	"slices"
	"strings"
)

// Matches reports whether a pattern means a type: its name, or one where an asterisk stands for any text, such as account.*,
// *.marketing_stopped or *.
func Matches(pattern string, t Type) bool {
	ok, err := path.Match(pattern, string(t))
	return ok && err == nil
}

// Means reports whether a pattern, with ! or without, means any type of the catalog.
func Means(pattern string) bool {
	pattern = strings.TrimPrefix(pattern, "!")
	return slices.ContainsFunc(Catalog(), func(e Entry) bool { return Matches(pattern, e.Type) })
}

// Wanted reports whether patterns ask for a type: one of them means it, and none that begins with ! takes it away.
func Wanted(patterns []string, t Type) bool {
	wanted := false
	for _, pattern := range patterns {
		switch taken, away := strings.CutPrefix(pattern, "!"); {
		case away && Matches(taken, t):
			return false
		case !away:
			wanted = wanted || Matches(pattern, t)
		}
	}
	return wanted
}
