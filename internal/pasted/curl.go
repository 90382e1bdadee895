package pasted

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Curl reads a curl command line. What -d and its like take from a file is read by read. Options that change nothing of
// what a receiver verifies are left out and noted; those that make another body (a form, an upload) are errors.
func Curl(text string, read func(name string) ([]byte, error)) (*Request, error) {
	list, notes, err := words(text)
	if err != nil {
		return nil, err
	}
	if len(list) > 0 && (list[0] == "$" || list[0] == "%" || list[0] == "#") { // the prompt came along
		list = list[1:]
	}
	if len(list) == 0 || path.Base(strings.TrimSuffix(list[0], ".exe")) != "curl" {
		return nil, errors.New("this does not begin with curl")
	}
	c := curl{request: &Request{Header: http.Header{}, Notes: notes}, read: read, rest: list[1:]}
	if slices.Contains(list, "^") {
		c.request.note("there are ^ as of Windows' cmd: copy the command for bash instead")
	}
	for len(c.rest) > 0 {
		if err := c.option(); err != nil {
			return nil, err
		}
	}
	return c.done(), nil
}

// curl is a command that is being read.
type curl struct {
	request *Request
	read    func(name string) ([]byte, error)
	rest    []string

	body, file []byte
	data       bool // the body comes from -d and its like
	json, get  bool
	removed    []string // headers that -H 'Name:' takes away
	positional bool     // behind --
}

// short are the long names of what is written with one letter.
var short = map[byte]string{
	'H': "--header", 'd': "--data", 'X': "--request", 'u': "--user", 'A': "--user-agent", 'e': "--referer", 'b': "--cookie",
	'G': "--get", 'F': "--form", 'T': "--upload-file", 'I': "--head", 'o': "--output", 'm': "--max-time", 'x': "--proxy", 'w': "--write-out",
	'E': "--cert", 'c': "--cookie-jar", 'C': "--continue-at", 'D': "--dump-header", 'K': "--config", 'r': "--range", 'U': "--proxy-user",
	'P': "--ftp-port", 'Q': "--quote", 't': "--telnet-option", 'y': "--speed-time", 'Y': "--speed-limit", 'z': "--time-cond",
}

// takers are the options with an argument that change nothing here.
var takers = []string{
	"--referer", "--cookie", "--output", "--max-time", "--proxy", "--write-out", "--cert", "--cookie-jar", "--continue-at", "--dump-header",
	"--config", "--range", "--proxy-user", "--ftp-port", "--quote", "--telnet-option", "--speed-time", "--speed-limit", "--time-cond",
	"--connect-timeout", "--retry", "--retry-delay", "--retry-max-time", "--cacert", "--capath", "--key", "--key-type", "--cert-type", "--pass",
	"--resolve", "--connect-to", "--interface", "--limit-rate", "--max-redirs", "--ciphers", "--tls-max", "--tls13-ciphers", "--unix-socket",
	"--dns-servers", "--keepalive-time", "--local-port", "--noproxy", "--output-dir", "--proto", "--stderr", "--trace", "--trace-ascii",
	"--aws-sigv4", "--request-target", "--max-filesize", "--socks5", "--socks5-hostname", "--preproxy", "--variable", "--expect100-timeout",
}

// option reads one option, several of one letter written together, or an address.
func (c *curl) option() error {
	from, word := c.rest, c.rest[0]
	c.rest = c.rest[1:]
	switch {
	case c.positional || word == "-" || !strings.HasPrefix(word, "-"):
		if c.request.URL != "" {
			c.request.note("there is more than one address: the first one counts")
			return nil
		}
		c.request.URL = word
		return nil
	case word == "--":
		c.positional = true
		return nil
	case strings.HasPrefix(word, "--"):
		return c.long(word)
	}
	for i := 1; i < len(word); i++ {
		name, known := short[word[i]]
		if !known { // one that takes nothing and changes nothing, such as -s
			continue
		}
		if c.takes(name) && i+1 < len(word) { // -XPOST
			from[0] = word[i+1:]
			c.rest = from
			return c.long(name)
		}
		if err := c.long(name); err != nil {
			return err
		}
	}
	return nil
}

func (c *curl) takes(name string) bool { return name != "--get" && name != "--head" }

func (c *curl) argument(name string) (string, error) {
	if len(c.rest) == 0 {
		return "", fmt.Errorf("%s has no value: the command is not complete", name)
	}
	value := c.rest[0]
	c.rest = c.rest[1:]
	return value, nil
}

func (c *curl) long(name string) error {
	switch name {
	case "--get":
		c.get = true
		return nil
	case "--head":
		c.request.Method = http.MethodHead
		return nil
	case "--header", "--request", "--url", "--user", "--oauth2-bearer", "--user-agent", "--data", "--data-ascii", "--data-raw", "--data-binary", "--json":
	case "--form", "--form-string", "--upload-file", "--data-urlencode", "--url-query":
		return fmt.Errorf("%s makes what no provider sends; give the body with --data-binary", name)
	default:
		if slices.Contains(takers, name) {
			if _, err := c.argument(name); err != nil {
				return err
			}
		}
		c.request.note(called(name) + " is left out")
		return nil
	}
	value, err := c.argument(name)
	if err != nil {
		return err
	}
	h := c.request.Header
	switch name {
	case "--header":
		c.header(value)
	case "--request":
		c.request.Method = value
	case "--url":
		c.request.URL = value
	case "--user":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(value)))
	case "--oauth2-bearer":
		h.Set("Authorization", "Bearer "+value)
	case "--user-agent":
		h.Set("User-Agent", value)
	default:
		return c.add(name, value)
	}
	return nil
}

// called is the name of an option, if it can be one: what else begins with -- may hold a value, behind a = or a space that was
// lost.
func called(name string) string {
	if len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		return "an option that curl does not know"
	}
	return name
}

// header takes what -H does: "Name: value", "Name;" for an empty one, "Name:" to take one of curl's own away.
func (c *curl) header(text string) {
	if strings.HasPrefix(text, "@") {
		c.request.note("a file of headers (-H @…) is left out: give its headers with -H")
		return
	}
	name, value, ok := strings.Cut(text, ":")
	switch value = strings.TrimSpace(value); {
	case !ok && strings.HasSuffix(text, ";"):
		c.request.Header.Add(strings.TrimSuffix(text, ";"), "")
	case !ok:
		c.request.note("a -H without a colon is left out")
	case value == "":
		c.removed = append(c.removed, http.CanonicalHeaderKey(strings.TrimSpace(name)))
	default:
		c.request.Header.Add(strings.TrimSpace(name), value)
	}
}

// add appends to the body what one option says. Only --data-raw takes an @ for what it is, and only -d changes files.
func (c *curl) add(option, value string) error {
	data := []byte(value)
	file := data
	if name, ok := strings.CutPrefix(value, "@"); ok && option != "--data-raw" {
		if name == "-" {
			return fmt.Errorf("%s takes the body from standard input: save it, and name the file instead", option)
		}
		read, err := c.read(name)
		if err != nil {
			return fmt.Errorf("read the body that %s names: %w", option, err)
		}
		data, file = read, read
		if option == "--data" || option == "--data-ascii" {
			data = stripped(read)
			if len(data) < len(read) {
				c.request.note(fmt.Sprintf("-d takes line ends and zeros out of a file: %d of its %d bytes are not sent; --data-binary sends all", len(read)-len(data), len(read)))
			}
		}
		c.request.note("the body, or a part of it, is a file of this machine, which " + option + " names")
	}
	if c.data && option != "--json" {
		c.body, c.file = append(c.body, '&'), append(c.file, '&')
		c.request.note("several -d are joined by &")
	}
	c.data = true
	c.json = c.json || option == "--json"
	c.body, c.file = append(c.body, data...), append(c.file, file...)
	return nil
}

func stripped(text []byte) []byte {
	return slices.DeleteFunc(slices.Clone(text), func(c byte) bool { return c == '\n' || c == '\r' || c == 0 })
}

// done fills in what curl adds by itself.
func (c *curl) done() *Request {
	r := c.request
	switch {
	case c.get && c.data:
		r.note("with -G the data goes into the address, and there is no body")
	default:
		r.Body = c.body
		if string(c.file) != string(c.body) {
			r.File = c.file
		}
	}
	hasBody := c.data && !c.get
	if r.Method == "" {
		r.Method = http.MethodGet
		if hasBody {
			r.Method = http.MethodPost
		}
	}
	if hasBody && r.Header.Get("Content-Type") == "" && !slices.Contains(c.removed, "Content-Type") {
		kind := "application/x-www-form-urlencoded"
		if c.json {
			kind = "application/json"
		}
		r.Header.Set("Content-Type", kind)
		r.note("curl adds Content-Type: " + kind + " by itself")
	}
	return r
}
