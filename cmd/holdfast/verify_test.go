package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Scripts go by the status: 0 verifies, 1 does not, 2 was asked wrongly.
func TestVerifyEndsWith(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const body = `{"object":"whatsapp_business_account","entry":[]}`
	const header = "X-Hub-Signature-256: sha256=4d57187b838990375712e5d0f9975815a99f6406bfd8e60aa8a46204d8d21960"
	right := write("right.yaml", "sources: {m: {provider: meta, app_secrets: [wa-test-secret]}}")
	wrong := write("wrong.yaml", "sources: {m: {provider: meta, app_secrets: [a-wrong-secret]}}")
	file, secret, empty := write("body.json", body), write("secret", "wa-test-secret\n"), write("empty", "\n")
	t.Setenv("CANDIDATE", "wa-test-secret")
	for name, tt := range map[string]struct {
		want  int
		args  []string
		stdin string
		says  string
	}{
		"verifies":              {0, []string{"-c", right, "-H", header, file}, "", "verifies: source m accepts it\n"},
		"from standard input":   {0, []string{"-c", right, "-H", header, "-"}, body, "verifies: source m accepts it\n"},
		"another body":          {1, []string{"-c", right, "-H", header, "-"}, "{}", "signature_mismatch"},
		"another secret":        {1, []string{"-c", wrong, "-H", header, file}, "", "signature_mismatch"},
		"the right secret":      {1, []string{"-c", wrong, "-H", header, "--secret-env", "CANDIDATE", file}, "", "It would verify with the secret that you gave.\n"},
		"it, in a file":         {1, []string{"-c", wrong, "-H", header, "--secret-file", secret, file}, "", "It would verify with the secret that you gave.\n"},
		"not to be read":        {1, []string{"-c", right, file + ".none"}, "", ""},
		"a compressed body":     {1, []string{"-c", right, "-H", header, "-H", "Content-Encoding: gzip", file}, "", "encoded_body"},
		"too large":             {1, []string{"-c", right, "-"}, strings.Repeat(" ", 4<<20+1), "body_too_large"},
		"another method":        {1, []string{"-c", right, "-H", header, "--http", "-"}, "PUT / HTTP/1.1\n\n" + body, "wrong_method"},
		"nothing":               {2, nil, "", ""},
		"two requests":          {2, []string{file, "--curl", file}, "", ""},
		"no curl":               {2, []string{"--curl", file}, "", ""},
		"an endless file":       {2, []string{"-c", right, "--curl", "-"}, "curl x -d @/dev/zero", ""},
		"a stranger's file":     {2, []string{"-c", right, "--curl", "-"}, "curl x -d @\x1b]0;no\a\u202e", ""},
		"a stranger's option":   {1, []string{"-c", right, "--curl", "-"}, "curl x -d 1 --header=X:wa-test-secret-2 --\x1b]0;no\a\u202e", "curl does not know"},
		"no header":             {2, []string{"-c", right, "-H", "wa-test-secret", file}, "", ""},
		"no time":               {2, []string{"-c", right, "--at", "noon", file}, "", ""},
		"no such source":        {2, []string{"-c", right, "--source", "x", file}, "", ""},
		"no such variable":      {2, []string{"-c", right, "--secret-env", "NO_SUCH_VARIABLE", file}, "", ""},
		"a secret for its name": {2, []string{"-c", right, "--secret-env", "a-wrong-secret", file}, "", ""},
		"or for its file":       {1, []string{"-c", right, "--secret-file", "a-wrong-secret", file}, "", ""},
		"nothing in the file":   {2, []string{"-c", right, "--secret-file", empty, file}, "", ""},
		"two secrets at a time": {2, []string{"-c", right, "--secret-file", secret, "--secret-env", "CANDIDATE", file}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs strings.Builder
			if got := run(t.Context(), append([]string{"verify"}, tt.args...), strings.NewReader(tt.stdin), &out, &errs); got != tt.want {
				t.Errorf("ended with %d, want %d", got, tt.want)
			}
			if said := out.String(); !strings.Contains(said, tt.says) {
				t.Errorf("does not say %q", tt.says)
			}
			if all := out.String() + errs.String(); strings.ContainsAny(all, "\x1b\a\u202e") {
				t.Errorf("speaks to the terminal: %q", all)
			}
			if all := out.String() + errs.String(); strings.Contains(all, "wa-test-secret") || strings.Contains(all, "a-wrong-secret") || t.Failed() {
				t.Error(all)
			}
		})
	}
}
