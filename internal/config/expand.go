package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFile is the size of the largest file that a value may be read from: secrets are small, and devices are endless.
const maxFile = 64 << 10

var errUnclosed = errors.New("${ without }: write $${ for the text ${ itself")

// expand puts variables and files into a value. What they hold is not looked at again.
func (r *reader) expand(text string) (string, error) {
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			return "", errUnclosed
		}
		value, err := r.lookup(text[i+2 : i+end])
		if err != nil {
			return "", err
		}
		out.WriteString(text[:i] + value)
		text = text[i+end+1:]
	}
}

// lookup finds what stands between ${ and }.
func (r *reader) lookup(name string) (string, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		return r.file(path)
	}
	if !isVariable(name) {
		// Not shown: it may as well be a piece of a secret that holds ${.
		return "", errors.New("${…} holds neither the name of a variable nor file:PATH: write $${ for the text ${ itself")
	}
	value, ok := r.env(name)
	if !ok {
		return "", fmt.Errorf("variable %s is not set", name)
	}
	return value, nil
}

// isVariable reports whether a text is a portable name of an environment variable.
func isVariable(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// file reads a value from a file, without the line end that editors and echo put behind it.
func (r *reader) file(path string) (string, error) {
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(r.dir, full)
	}
	data, err := readFile(full)
	if err != nil {
		if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
			err = cause.Err // it names the full path, where the file names another
		}
		return "", fmt.Errorf("file %q: %w", path, err)
	}
	return strings.TrimRight(data, "\r\n"), nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %v", Size(maxFile))
	}
	return string(data), err
}
