package pasted_test

import (
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/pasted"
)

// files are what -d @name finds.
var files = map[string]string{"body.json": "{\r\n\"a\": 1\n}\n", "plain.json": `{"a":1}`}

func read(name string) ([]byte, error) {
	text, ok := files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func TestCurl(t *testing.T) {
	const form, js = "application/x-www-form-urlencoded", "application/json"
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, tt := range []struct {
		name, text string
		want       pasted.Request // without notes
		notes      string         // what one of them contains
	}{
		{
			"a browser's", "curl 'https://x.example/webhooks/a' \\\n  -X 'POST' \\\n  -H 'Content-Type: application/json' \\\n  -H 'X-Sig: sha256=ab' \\\n  --data-raw $'{\"t\":\"caf\\u00e9 \\'\\x41\\101\\\\n\\ud83d\\udc4d\"}' \\\n  --compressed\n",
			pasted.Request{Method: "POST", URL: "https://x.example/webhooks/a", Header: header("Content-Type", js, "X-Sig", "sha256=ab"), Body: []byte(`{"t":"café 'AA\n👍"}`)},
			"--compressed is left out",
		},
		{"double quotes", `curl -H "Content-Type: application/json" -d "{\"a\":\"\\\\ \$x 'y'\"}" x`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", js), Body: []byte(`{"a":"\\ $x 'y'"}`)}, ""},
		{"adjacent quotes", `curl x -d '{"a":"it'\''s"}'""`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte(`{"a":"it's"}`)}, "curl adds Content-Type"},
		{"short and together", `curl -sSkXPUT -HA:b -d1 x`, pasted.Request{Method: "PUT", URL: "x", Header: header("A", "b", "Content-Type", form), Body: []byte("1")}, ""},
		{"several", `curl -d a=1 --data b=2 x`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte("a=1&b=2")}, "joined by &"},
		{"json", `curl --json '{"a":' --json 1} x`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", js), Body: []byte(`{"a":1}`)}, ""},
		{"a file", `curl -d @body.json x`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte(`{"a": 1}`), File: []byte(files["body.json"])}, "-d takes line ends and zeros out of a file: 4 of its 12 bytes"},
		{"a file that -d does not change", `curl -d @plain.json x`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte(files["plain.json"])}, ""},
		{"a file as it is", `curl --data-binary @body.json x`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte(files["body.json"])}, ""},
		{"no file", `curl --data-raw @body.json x`, pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte("@body.json")}, ""},
		{"line ends of an argument stay", "curl -d 'a\nb\n' x", pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte("a\nb\n")}, ""},
		{"header forms", `curl -H 'A: b: c' -H 'E;' -H 'Content-Type:' -H nonsense -A me -u a:b -d 1 x`, pasted.Request{Method: "POST", URL: "x", Header: header("A", "b: c", "E", "", "User-Agent", "me", "Authorization", "Basic YTpi"), Body: []byte("1")}, "a -H without a colon is left out"},
		{"with arguments that do not matter", `curl -o /dev/null --max-time 3 --url x -m 5 --retry 2`, pasted.Request{Method: "GET", URL: "x", Header: header()}, "--max-time is left out"},
		{"prompt, pipe", "$ /usr/bin/curl x -d 1 | jq .", pasted.Request{Method: "POST", URL: "x", Header: header("Content-Type", form), Body: []byte("1")}, "what follows the command"},
		{"the next command", "curl x\ncurl y", pasted.Request{Method: "GET", URL: "x", Header: header()}, "what follows the command"},
		{"a comment", "# the ban\ncurl x # done\n", pasted.Request{Method: "GET", URL: "x", Header: header()}, ""},
		{"a variable", `curl x -H "A: $SIG"`, pasted.Request{Method: "GET", URL: "x", Header: header("A", "$SIG")}, "stands as it is written"},
		{"in the address", `curl -G -d a=1 x`, pasted.Request{Method: "GET", URL: "x", Header: header()}, "with -G"},
		{"behind --", `curl -I -- -x`, pasted.Request{Method: "HEAD", URL: "-x", Header: header()}, ""},
		{"two addresses", `curl x y`, pasted.Request{Method: "GET", URL: "x", Header: header()}, "more than one address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pasted.Curl(tt.text, read)
			if err != nil {
				t.Fatal(err)
			}
			notes := strings.Join(got.Notes, "\n")
			if got.Notes = nil; !strings.Contains(notes, tt.notes) {
				t.Errorf("notes %q, want %q", notes, tt.notes)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, text := range map[string]string{
		"nothing": "", "another command": "wget x", "open quote": "curl 'x", "open double quote": `curl "x`, "open $'": `curl $'x`,
		"no value": "curl x -H", "no file": "curl x -d @none", "standard input": "curl x -d @-", "a form": "curl x -F a=b", "encoded": "curl x --data-urlencode a=b",
		"no digits": `curl $'\xzz'`, "beyond Unicode": `curl $'\UFFFFFFFF'`,
	} {
		if got, err := pasted.Curl(text, read); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestHTTP(t *testing.T) {
	for _, tt := range []struct {
		name, text, method, url, body, notes string
		header                               http.Header
	}{
		{"as sent", "POST /webhooks/a HTTP/1.1\r\nHost: x\r\nX-Sig:  sha256=ab \r\nContent-Length: 8\r\n\r\n{\"a\":1}\n", "POST", "/webhooks/a", "{\"a\":1}\n", "", http.Header{"Host": {"x"}, "X-Sig": {"sha256=ab"}, "Content-Length": {"8"}}},
		{"saved by an editor", "\nPUT /a HTTP/2\n:authority: x\nx-sig: 1\nx-sig: 2\ncontent-length: 7\n\n{\"a\":1}\n", "PUT", "/a", `{"a":1}`, "the line end behind the body is not part of it", http.Header{"X-Sig": {"1", "2"}, "Content-Length": {"7"}}},
		{"headers only, and an empty line in the body", "a: b\n\nx\n\ny", "POST", "", "x\n\ny", "", http.Header{"A": {"b"}}},
		{"changed", "Content-Length: 9\n\n{\"a\":1}", "POST", "", `{"a":1}`, "says 9, but the body here has 7 bytes", http.Header{"Content-Length": {"9"}}},
		{"cut in the middle", "Content-Length: 3\n\n{\"a\":1}", "POST", "", `{"a":1}`, "says 3, but", http.Header{"Content-Length": {"3"}}},
		{"chunked", "Transfer-Encoding: chunked\n\n0\r\n\r\n", "POST", "", "0\r\n\r\n", "without looking for chunks", http.Header{"Transfer-Encoding": {"chunked"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pasted.HTTP([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			notes := strings.Join(got.Notes, "\n")
			if !strings.Contains(notes, tt.notes) || tt.notes == "" && notes != "" {
				t.Errorf("notes %q, want %q", notes, tt.notes)
			}
			got.Notes = nil
			if diff := cmp.Diff(pasted.Request{Method: tt.method, URL: tt.url, Header: tt.header, Body: []byte(tt.body)}, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, text := range []string{"", "{}", "POST / HTTP/1.1\nA: b", "no header\n\n{}", ": x y\nA b: c\n\n"} {
		if got, err := pasted.HTTP([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// However many options a stranger's command has, it is read, and little is said of it.
func TestManyOptions(t *testing.T) {
	got, err := pasted.Curl("curl"+strings.Repeat(" -d1", 200_000)+strings.Repeat(" --a", 10_000), read)
	if err != nil || len(got.Body) != 399_999 || len(got.Notes) > 100 {
		t.Errorf("%v, %+v", err, got.Notes)
	}
}

// What a shell would hand over as one word in single quotes comes out as it went in, whatever it is.
func FuzzCurl(f *testing.F) {
	f.Add(`curl -d '{"a":1}' x`)
	f.Add("curl $'\\u00e9\\x41\\101' \\\n -H \"A: b\" # c")
	f.Add(`$ curl -sSXPOST --json @plain.json -u a:b x | jq; "`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := pasted.Curl(text, read); err == nil && (r.Header == nil || r.Method == "" && !strings.Contains(text, "-")) {
			t.Errorf("%q: %+v", text, r)
		}
		if _, err := pasted.HTTP([]byte(text)); err == nil && !strings.Contains(text, "\n") {
			t.Errorf("%q has an empty line", text)
		}
		quoted := "curl --data-raw '" + strings.ReplaceAll(text, "'", `'\''`) + "'"
		r, err := pasted.Curl(quoted, read)
		if err != nil || string(r.Body) != text {
			t.Errorf("%q: %q, %v", quoted, r.Body, err)
		}
		if !utf8.ValidString(text) {
			return
		}
		escaped := "curl --data-raw $'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\t", `\t`).Replace(text) + "'"
		if r, err := pasted.Curl(escaped, read); err != nil || string(r.Body) != text {
			t.Errorf("%q: %v", escaped, err)
		}
	})
}
