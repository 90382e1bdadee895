package pasted

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// HTTP reads a request as text: a line with method and path, which may be missing, headers, an empty line, the body. Line
// ends of the head may be of either kind; the body is every byte behind it, but for a line end that the Content-Length
// says does not belong to it.
func HTTP(text []byte) (*Request, error) {
	head, body, found := cutHead(text)
	if !found {
		return nil, errors.New("there is no empty line between head and body")
	}
	r := &Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
	for i, line := range strings.Split(head, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if fields := strings.Fields(line); i == 0 && len(fields) == 3 && strings.HasPrefix(fields[2], "HTTP/") {
			r.Method, r.URL = fields[0], fields[1]
			continue
		}
		if strings.HasPrefix(line, ":") { // HTTP/2, as browsers show it
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("line %d of the head is no header", i+1)
		}
		r.Header.Add(name, textproto.TrimString(value))
	}
	r.measure()
	return r, nil
}

// cutHead finds the empty line.
func cutHead(text []byte) (head string, body []byte, found bool) {
	text = bytes.TrimLeft(text, "\r\n")
	for at := 0; at < len(text); {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			return "", nil, false
		}
		if len(bytes.TrimSuffix(text[at:at+end], []byte("\r"))) == 0 {
			return strings.TrimRight(string(text[:at]), "\r\n"), text[at+end+1:], true
		}
		at += end + 1
	}
	return "", nil, false
}

// measure compares the body with the length that its head declares.
func (r *Request) measure() {
	if r.Header.Get("Transfer-Encoding") != "" {
		r.note("Transfer-Encoding: the body is taken as it stands here, without looking for chunks in it")
		return
	}
	declared, err := strconv.Atoi(r.Header.Get("Content-Length"))
	if err != nil || declared < 0 || declared == len(r.Body) {
		return
	}
	if declared < len(r.Body) && len(bytes.Trim(r.Body[declared:], "\r\n")) == 0 {
		r.note(fmt.Sprintf("Content-Length says %d: the line end behind the body is not part of it", declared))
		r.Body = r.Body[:declared]
		return
	}
	r.note(fmt.Sprintf("Content-Length says %d, but the body here has %d bytes: it was changed or cut since it was sent", declared, len(r.Body)))
}
