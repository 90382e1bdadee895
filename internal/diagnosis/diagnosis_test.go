package diagnosis_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/internal/diagnosis"
	"holdfast/internal/provider"
	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/nxtele"
	"holdfast/internal/signature"
)

// The vectors of Meta's signature: the same JSON, escaped and not.
const (
	secret  = signature.Secret("wa-test-secret")
	minimal = `{"object":"whatsapp_business_account","entry":[]}`
	escaped = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"t":"caf\u00e9 \ud83d\udc4d a\/b \u0040"}}]}]}`
	plain   = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"t":"café 👍 a/b @"}}]}]}`
	ofMini  = "4d57187b838990375712e5d0f9975815a99f6406bfd8e60aa8a46204d8d21960"
	ofEsc   = "6b72afee74c237d59a653df9fbdcd4248564eae2bb8db46c34e71a22d522f57b"
	ofPlain = "ae55c1521f44fc29b6933a1a406a4888495228e13ffefe9a4508b4b92b497a60"
)

var arrival = time.UnixMilli(1761200608123).Add(2 * time.Second)

func dialect(t *testing.T, name string) provider.Dialect {
	t.Helper()
	for _, d := range provider.List() {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("there is no provider %s", name)
	return provider.Dialect{}
}

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// A secret in a header that is shown is not, however short it is.
func TestMisplacedSecret(t *testing.T) {
	options := nxtele.Options{AccessKeys: map[string]signature.Secret{"demo": "short7x"}}
	_, text := ask(t, diagnosis.Question{
		Dialect: dialect(t, "nxtele"), Options: &options, Candidate: "other7x", Body: []byte("{}"),
		Header: headers("accesskey", "short7x", "action", "other7x", "biztype", "2", "ts", "1761200608123", "algorithm", "sha256", "sign", ofMini),
	})
	if strings.Contains(text, "short7x") || strings.Contains(text, "other7x") {
		t.Error(text)
	}
}

// A request with thousands of headers, each of which could be the signature, is answered.
func TestManyHeaders(t *testing.T) {
	h := headers("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	for i := range 20_000 {
		h.Set(fmt.Sprintf("X-%d", i), fmt.Sprintf("%064x", i))
	}
	report, _ := ask(t, diagnosis.Question{
		Dialect: dialect(t, "meta"), Options: &meta.Options{AppSecrets: []signature.Secret{secret}}, Header: h, Body: []byte(minimal),
	})
	if report.Verifies || report.Finding != "" {
		t.Errorf("%+v", report)
	}
}

func ask(t *testing.T, q diagnosis.Question) (diagnosis.Report, string) {
	t.Helper()
	if q.Received.IsZero() {
		q.Received = arrival
	}
	q.Source = "main"
	report, err := diagnosis.Explain(q)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.Write(&text); err != nil {
		t.Fatal(err)
	}
	return report, text.String()
}

// A test of what is found: a finding is compared whole, a line of the report and advice by what they contain.
type test struct {
	name    string
	header  http.Header
	body    string
	secret  signature.Secret // a candidate
	finding string
	says    []string
}

func signed(of string) http.Header { return headers("X-Hub-Signature-256", "sha256="+of) }

func TestMeta(t *testing.T) {
	pretty := func(s string) string {
		var w bytes.Buffer
		if err := json.Indent(&w, []byte(s), "", "  "); err != nil {
			t.Fatal(err)
		}
		return w.String()
	}
	text := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	packed := func(s string) string {
		var w bytes.Buffer
		z := gzip.NewWriter(&w)
		_, _ = z.Write([]byte(s))
		_ = z.Close()
		return w.String()
	}
	over := func(body string) http.Header {
		return headers("X-Hub-Signature-256", signature.HMAC(secret, []byte(body)))
	}
	with := func(s signature.Secret) http.Header {
		return headers("X-Hub-Signature-256", signature.HMAC(s, []byte(minimal)))
	}
	raw, _ := hex.DecodeString(ofMini)
	sha := hmac.New(sha1.New, []byte(secret))
	sha.Write([]byte(minimal))
	const lines = "{\n\"a\": \"é/b\"\n}"
	tests := []test{
		// Bodies.
		{name: "a line end of an editor", header: signed(ofMini), body: minimal + "\n", finding: "over the body without the line end at its end"},
		{name: "two line ends", header: signed(ofMini), body: minimal + "\n\n", finding: "over the body without the space and line ends around it"},
		{name: "a line end lost", header: over(minimal + "\n"), body: minimal, finding: "over the body with a line end at its end"},
		{name: "CRLF made of LF", header: over(lines), body: strings.ReplaceAll(lines, "\n", "\r\n"), finding: "over the body with LF instead of CRLF line ends"},
		{name: "LF made of CRLF", header: over(strings.ReplaceAll(lines, "\n", "\r\n")), body: lines, finding: "over the body with CRLF instead of LF line ends"},
		{name: "byte order mark", header: signed(ofMini), body: "\uFEFF" + minimal, finding: "over the body without the byte order mark before it"},
		{name: "pretty", header: signed(ofMini), body: pretty(minimal), finding: "over the body as JSON without spaces"},
		{name: "compacted", header: over(pretty(minimal)), body: minimal, finding: "over the body as JSON indented by two spaces"},
		{name: "without Python's spaces", header: over(`{"a": [1, "x:,\"y"], "b": 2}`), body: `{"a":[1,"x:,\"y"],"b":2}`, finding: "over the body as JSON with a space behind each colon and comma"},
		{name: "escapes decoded", header: signed(ofEsc), body: plain, finding: `over the body with \u escapes instead of characters beyond ASCII and of @, and \/ instead of /`},
		{name: "escaped by somebody", header: signed(ofPlain), body: escaped, finding: `over the body with characters instead of \u escapes, and / instead of \/`},
		{name: "slashes unescaped", header: over(`{"a":"b\/c"}`), body: `{"a":"b/c"}`, finding: `over the body with \/ instead of /`},
		{name: "some slashes unescaped", header: over(`{"a":"\/","b":"\/"}`), body: `{"a":"\/","b":"/"}`, finding: `over the body with \/ instead of /`},
		{name: "HTML unescaped", header: over(`{"a":"b\u003cc"}`), body: `{"a":"b<c"}`, finding: `over the body with \u escapes instead of < > and &`},
		{name: "a string of JSON", header: signed(ofEsc), body: text(escaped), finding: "over the body taken out of the JSON string that it is"},
		{name: "out of a log", header: signed(ofMini), body: strings.ReplaceAll(minimal, `"`, `\"`), finding: "over the body without backslashes before its quotes, as logs write them"},
		{name: "in quotes of a shell", header: signed(ofMini), body: "'" + minimal + "'", finding: "over the body without the quotes around it"},
		{name: "in a gateway's event", header: signed(ofMini), body: `{"httpMethod":"POST","isBase64Encoded":false,"body":` + text(minimal) + `}`, finding: "over the body taken out of the member body of a JSON object around it"},
		{name: "in a gateway's event, encoded", header: signed(ofMini), body: `{"isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString([]byte(minimal)) + `"}`, finding: "over the body taken out of the member body of a JSON object around it"},
		{name: "packed", header: signed(ofMini), body: packed(minimal), finding: "over the body unpacked with gzip"},
		{name: "base64", header: signed(ofMini), body: base64.StdEncoding.EncodeToString([]byte(minimal)), finding: "over the body decoded from base64"},
		{name: "URL-encoded", header: signed(ofMini), body: url.QueryEscape(minimal), finding: "over the body decoded from a URL"},
		{name: "a form field", header: signed(ofMini), body: "payload=" + url.QueryEscape(minimal), finding: "over the body taken out of the form field that it is in"},
		{name: "Latin-1", header: over(`{"a":"é"}`), body: "{\"a\":\"\xe9\"}", finding: "over the body in UTF-8 instead of Latin-1"},
		{name: "UTF-8 twice", header: over(`{"a":"é"}`), body: `{"a":"Ã©"}`, finding: "over the body in Latin-1 instead of UTF-8"},
		{name: "two things at once", header: signed(ofEsc), body: pretty(plain), finding: `over the body as JSON without spaces and with \u escapes instead of characters beyond ASCII and of @, and \/ instead of /`},
		{name: "lost for ever", header: signed(ofPlain), body: strings.ReplaceAll(plain, "é", "\uFFFD"), says: []string{"has U+FFFD", "the secret is another one"}},
		{name: "empty", header: signed(ofMini), says: []string{"0 bytes, empty: was it read before"}},
		{name: "cut short", header: signed(ofPlain), body: plain[:len(plain)/2], says: []string{"look whether it was cut short"}},

		// Secrets.
		{name: "verify token", header: with("the-verify-token"), body: minimal, finding: "with verify_token as the secret that signs"},
		{name: "line end in the secret", header: with(secret + "\n"), body: minimal, finding: "with app_secrets[1] with a line end behind it"},
		{name: "secret in upper case", header: with("WA-TEST-SECRET"), body: minimal, finding: "with app_secrets[1] in upper case"},
		{name: "secret decoded from hex", header: with("\x01\x23\x45\x67\x89\xab"), body: minimal, finding: "with app_secrets[0] decoded from hex"},
		{name: "secret decoded from base64", header: with("\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xd6\x9b"), body: minimal, finding: "with app_secrets[0] decoded from base64"},
		{name: "a candidate", header: with("rotated-secret"), body: minimal, secret: "rotated-secret", finding: "with the secret that you gave", says: []string{"Put the secret that you gave into the settings"}},
		{name: "a candidate with a space", header: with("rotated-secret"), body: minimal, secret: " rotated-secret", finding: "with the secret that you gave without the space or line end around it"},
		{name: "a candidate and a line end", header: with("rotated-secret"), body: minimal + "\n", secret: "rotated-secret", finding: "with the secret that you gave, and over the body without the line end at its end"},
		{name: "nobody's", header: with("nobody-knows"), body: minimal, secret: "neither-this", says: []string{
			"no  app_secrets[0] did not make", "no  app_secrets[1] did not make", "signature_mismatch", "--secret-env", "App Dashboard",
		}},

		// Headers.
		{name: "missing", body: minimal, says: []string{"X-Hub-Signature-256 is missing", "missing_evidence", "none was tried"}},
		{name: "empty header", header: headers("X-Hub-Signature-256", ""), body: minimal, says: []string{"X-Hub-Signature-256 is empty"}},
		{name: "without what stands before it", header: headers("X-Hub-Signature-256", ofMini), body: minimal, finding: "if X-Hub-Signature-256 were sha256= and 64 hex digits (it is 64 hex digits)"},
		{name: "base64 instead of hex", header: headers("X-Hub-Signature-256", "sha256="+base64.StdEncoding.EncodeToString(raw)), body: minimal, finding: "if X-Hub-Signature-256 were sha256= and 64 hex digits (it is sha256= and 44 letters of base64)"},
		{name: "in quotes", header: headers("X-Hub-Signature-256", `"sha256=`+ofMini+`"`), body: minimal, finding: "if X-Hub-Signature-256 were sha256= and 64 hex digits and nothing else"},
		{name: "repeated", header: headers("X-Hub-Signature-256", "sha256="+ofMini, "X-Hub-Signature-256", "sha256="+ofMini), body: minimal, finding: "if X-Hub-Signature-256 were there once", says: []string{"is there 2 times, each time the same"}},
		{name: "joined", header: headers("X-Hub-Signature-256", "sha256="+ofMini+", sha256="+ofMini), body: minimal, finding: "if X-Hub-Signature-256 were sha256= and 64 hex digits and nothing else", says: []string{"joined by a comma"}},
		{name: "renamed", header: headers("X-Forwarded-Signature", "sha256="+ofMini), body: minimal, finding: "if what X-Forwarded-Signature holds were in X-Hub-Signature-256"},
		{name: "cut", header: signed(ofMini[:40]), body: minimal, says: []string{"X-Hub-Signature-256 is sha256= and 40 hex digits; wanted is sha256= and 64 hex digits", "malformed_evidence"}},
		{name: "cut after an odd digit", header: signed(ofMini[:23]), body: minimal, says: []string{"X-Hub-Signature-256 is sha256= and 23 hex digits; wanted"}},
		{name: "SHA-1 only", header: headers("X-Hub-Signature", "sha1="+hex.EncodeToString(sha.Sum(nil))), body: minimal, says: []string{
			"X-Hub-Signature is there: Meta's older signature", "X-Hub-Signature is an HMAC with SHA-1 over this body with app_secrets[1]",
		}},
		{name: "of nxtele", header: headers("accesskey", "k", "action", "a", "biztype", "2", "ts", "1761200608123", "algorithm", "sha256", "sign", ofMini), body: "[]", says: []string{"this looks like a request of provider nxtele"}},
		{name: "of 360dialog", header: headers("X-360dialog-Signature", ofEsc), body: minimal, says: []string{"what 360dialog signs with"}},

		{name: "header and body", header: headers("X-Hub-Signature-256", ofMini), body: minimal + "\n", finding: "if X-Hub-Signature-256 were sha256= and 64 hex digits (it is 64 hex digits), and over the body without the line end at its end"},
	}
	options := &meta.Options{AppSecrets: []signature.Secret{"0123456789ab", secret}, VerifyToken: "the-verify-token"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "meta"), Options: options, Candidate: tt.secret, Header: tt.header, Body: []byte(tt.body)})
			tt.check(t, report, text)
		})
	}
}

func (tt test) check(t *testing.T, report diagnosis.Report, text string) {
	t.Helper()
	if report.Verifies || report.Finding != tt.finding {
		t.Errorf("verifies: %t; found %q, want %q", report.Verifies, report.Finding, tt.finding)
	}
	joined := strings.Join(strings.Fields(text), " ") // without the wrapping
	for _, want := range tt.says {
		if !strings.Contains(joined, strings.Join(strings.Fields(want), " ")) {
			t.Errorf("does not say %q", want)
		}
	}
	for _, hidden := range []string{string(secret), "0123456789ab", "the-verify-token", "rotated-secret", "neither-this", "demoSecret01", "whatsapp_business_account"} {
		if strings.Contains(text, hidden) {
			t.Errorf("shows %q", hidden)
		}
	}
	if len(report.Advice) == 0 {
		t.Error("says nothing of what to do")
	}
	if t.Failed() {
		t.Log("\n" + text)
	}
}

func TestMetaVerifies(t *testing.T) {
	options := &meta.Options{AppSecrets: []signature.Secret{"another-secret", secret}, VerifyToken: "the-verify-token"}
	for of, body := range map[string]string{ofMini: minimal, ofEsc: escaped, ofPlain: plain, strings.ToUpper(ofMini): minimal} {
		report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "meta"), Options: options, Header: signed(of), Body: []byte(body)})
		if !report.Verifies || report.Finding != "" || len(report.Advice) > 0 || !strings.Contains(text, "ok  app_secrets[1] made the signature") || strings.Contains(text, "verify_token") {
			t.Errorf("%s:\n%s", body, text)
		}
	}
}

func TestInsecureProvesNothing(t *testing.T) {
	report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "meta"), Options: &meta.Options{}, Insecure: true, Body: []byte(minimal)})
	if !report.Verifies || !strings.Contains(text, "proves nothing") {
		t.Error(text)
	}
	if _, err := diagnosis.Explain(diagnosis.Question{Dialect: dialect(t, "meta"), Options: &meta.Options{}}); err == nil {
		t.Error("settings that cannot be used are no error")
	}
}

// What was sent to the wrong URL is found, but not by a source that takes everything.
func TestOtherSource(t *testing.T) {
	right, err := meta.New(meta.Options{AppSecrets: []signature.Secret{secret}}, false)
	if err != nil {
		t.Fatal(err)
	}
	open, err := meta.New(meta.Options{}, true)
	if err != nil {
		t.Fatal(err)
	}
	report, text := ask(t, diagnosis.Question{
		Dialect: dialect(t, "meta"), Options: &meta.Options{AppSecrets: []signature.Secret{"another-secret"}},
		Others: map[string]provider.Provider{"a-open": open, "staging": right}, Header: signed(ofMini), Body: []byte(minimal),
	})
	test{finding: "as source staging"}.check(t, report, text)
}

func TestNxtele(t *testing.T) {
	const ban = `{"field":"account_update","value":{"ban_info":{"waba_ban_date":"October 22, 2025","waba_ban_state":"DISABLE"},"business_phone":"15550001111","event":"DISABLED_UPDATE","time":1761200607,"wabaId":"100000000000001"}}`
	const ofMD5, ofSHA = "5b24d0670792f702f890a1e3fa5c0978", "4b5479d27a8969d23afb6e0e096941488ffa926f03436b6800ef16141dab9ed3"
	with := func(pairs ...string) http.Header {
		h := headers("accesskey", "demoKey01", "action", "callback", "biztype", "2", "ts", "1761200608123", "algorithm", "sha256", "sign", ofSHA)
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	without := func(name string) http.Header {
		h := with()
		h.Del(name)
		return h
	}
	options := nxtele.Options{AccessKeys: map[string]signature.Secret{"demoKey01": "demoSecret01", "second": "demoSecret02"}, MaxClockSkew: time.Minute}
	both := options
	both.Algorithms = []string{signature.SHA256, signature.MD5}
	swapped := options
	swapped.AccessKeys = map[string]signature.Secret{"demoKey01": "demoSecret02", "second": "demoSecret01"}
	for _, tt := range []struct {
		test
		options nxtele.Options
		at      time.Time
	}{
		{test: test{name: "body", header: with(), body: ban + "\n", finding: "over the body without the line end at its end", says: []string{"- access_keys.second was not tried"}}},
		{test: test{name: "spaces", header: with(), body: strings.ReplaceAll(ban, ":", ": "), finding: "over the body as JSON without spaces"}},
		{test: test{name: "missing", header: without("biztype"), body: ban, finding: "if Biztype were 2", says: []string{"no Biztype is missing", "ok Sign: 4b54…9ed3", "missing_evidence"}}},
		{test: test{name: "missing algorithm", header: without("algorithm"), body: ban, finding: "if Algorithm were sha256"}},
		{test: test{name: "alphabet", header: with("action", "call back&x"), body: ban, finding: "if Action were callback", says: []string{"no Action is 11 characters, some of them neither letters", "ok Biztype: 2", "malformed_evidence"}}},
		{test: test{name: "seconds", header: with("ts", "1761200608"), body: ban, says: []string{"no Ts is 10 digits; wanted is 13 digits"}}},
		{test: test{name: "unknown key", header: with("accesskey", "third", "sign", ofMini), body: ban, says: []string{"no Accesskey: third is not what this source takes", "unknown_credential", "Add the pair"}}},
		{test: test{name: "another key", header: with("accesskey", "third"), body: ban, finding: "if Accesskey were demoKey01"}},
		{test: test{name: "not signed", header: headers("Content-Type", "application/json"), body: ban, says: []string{"no Sign is missing", "回执加签算法"}}},
		{test: test{name: "MD5", header: with("algorithm", "md5", "sign", ofMD5), body: ban, says: []string{"no Algorithm: md5 is not what this source takes", "algorithm_refused", "name md5"}}},
		{test: test{name: "says MD5, is SHA-256", header: with("algorithm", "md5"), body: ban, finding: "if Algorithm were sha256"}, options: both},
		{test: test{name: "upper case and base64", header: with("sign", base64.StdEncoding.EncodeToString(unhex(t, ofSHA))), body: ban, finding: "if Sign were 64 hex digits (it is 44 letters of base64)"}},
		{test: test{name: "old", header: with(), body: ban, finding: "had it arrived at the time that Ts names", says: []string{"2025-10-23T06:23:28Z, 1h0m2s before the arrival", "ok access_keys.demoKey01 made the signature", "timestamp_out_of_skew"}}, at: arrival.Add(time.Hour)},
		{test: test{name: "of the future", header: with(), body: ban, finding: "had it arrived at the time that Ts names", says: []string{"59m58s after the arrival"}}, at: arrival.Add(-time.Hour)},
		{test: test{name: "the other secret", header: with(), body: ban, finding: "with access_keys.second as the secret that signs"}, options: swapped},
		{test: test{name: "the secret as the key", header: with("accesskey", "demoSecret01", "sign", ofMini), body: ban, says: []string{"[secret]"}}},
		{test: test{name: "of Meta", header: signed(ofMini), body: minimal, says: []string{"this looks like a request of provider meta"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.options.AccessKeys == nil {
				tt.options = options
			}
			report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "nxtele"), Options: &tt.options, Header: tt.header, Body: []byte(tt.body), Received: tt.at})
			tt.check(t, report, text)
		})
	}
	report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "nxtele"), Options: &both, Header: with("algorithm", "md5", "sign", ofMD5), Body: []byte(ban)})
	if !report.Verifies {
		t.Error(text)
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
