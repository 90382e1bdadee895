package signature_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/internal/signature"
)

func TestHMAC(t *testing.T) {
	const secret = signature.Secret("wa-test-secret")
	const escaped = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"t":"caf\u00e9 \ud83d\udc4d a\/b \u0040"}}]}]}`
	const plain = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"t":"café 👍 a/b @"}}]}]}`
	tests := []struct{ body, want string }{
		{`{"object":"whatsapp_business_account","entry":[]}`, "4d57187b838990375712e5d0f9975815a99f6406bfd8e60aa8a46204d8d21960"},
		{escaped, "6b72afee74c237d59a653df9fbdcd4248564eae2bb8db46c34e71a22d522f57b"},
		{plain, "ae55c1521f44fc29b6933a1a406a4888495228e13ffefe9a4508b4b92b497a60"},
	}
	for _, test := range tests {
		got := signature.HMAC(secret, []byte(test.body))
		if got != "sha256="+test.want {
			t.Errorf("HMAC(%s) = %s, want %s", test.body, got, test.want)
		}
		for _, good := range []string{got, "sha256=" + strings.ToUpper(test.want)} {
			if !signature.VerifyHMAC(good, []byte(test.body), []signature.Secret{"another", secret}) {
				t.Errorf("VerifyHMAC(%s) = false", good)
			}
		}
		for _, other := range tests {
			if other.body != test.body && signature.VerifyHMAC(got, []byte(other.body), []signature.Secret{secret}) {
				t.Errorf("the signature of %s verifies %s", test.body, other.body)
			}
		}
	}
}

func TestHMACRefuses(t *testing.T) {
	body := []byte("{}")
	good := signature.HMAC("s", body)
	digits := strings.TrimPrefix(good, "sha256=")
	for _, bad := range []string{
		"", "sha256=", digits, "sha1=" + digits, "SHA256=" + digits, "sha256=" + digits[1:], good + "0", good + "00",
		"sha256=" + strings.Repeat("g", 64), " " + good, good + " ", "sha256=sha256=" + digits, "sha256=" + strings.Repeat("é", 32),
	} {
		if signature.HMACForm(bad) || signature.VerifyHMAC(bad, body, []signature.Secret{"s"}) {
			t.Errorf("%q is accepted", bad)
		}
	}
	if signature.VerifyHMAC(good, body, nil) {
		t.Error("accepted without any secret")
	}
	if signature.VerifyHMAC(good, body, []signature.Secret{"t"}) {
		t.Error("accepted with another secret")
	}
	if signature.VerifyHMAC(good, []byte("{} "), []signature.Secret{"s"}) {
		t.Error("accepted for another body")
	}
}

func TestAnyHMAC(t *testing.T) {
	body := []byte(`{"object":"whatsapp_business_account","entry":[]}`)
	const secret, digits, base = signature.Secret("wa-test-secret"), "4d57187b838990375712e5d0f9975815a99f6406bfd8e60aa8a46204d8d21960", "TVcYe4OJkDdXEuXQ+ZdYFamfZAa/2OYKqKRiBNjSGWA="
	if got := signature.BareHMAC(secret, body); got != digits {
		t.Errorf("BareHMAC = %s, want %s", got, digits)
	}
	for _, good := range []string{digits, strings.ToUpper(digits), base, "sha256=" + digits, "sha256=" + base} {
		if !signature.AnyHMACForm(good) || !signature.VerifyAnyHMAC(good, body, []signature.Secret{"another", secret}) {
			t.Errorf("%q is refused", good)
		}
		if signature.VerifyAnyHMAC(good, body, []signature.Secret{"another"}) || signature.VerifyAnyHMAC(good, body[1:], []signature.Secret{secret}) || signature.VerifyAnyHMAC(good, body, nil) {
			t.Errorf("%q is accepted for something else", good)
		}
	}
	for _, bad := range []string{
		"", "sha256=", "sha1=" + digits, digits[1:], digits + "0", " " + digits, digits + " ", strings.Repeat("g", 64), strings.TrimSuffix(base, "="), base + "=",
		base[:40], "sha256=sha256=" + digits, strings.TrimSuffix(base, "A=") + "B=", base[:20] + "\n" + base[20:], base + "\n",
	} {
		if signature.AnyHMACForm(bad) || signature.VerifyAnyHMAC(bad, body, []signature.Secret{secret}) {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestDigest(t *testing.T) {
	documented := signature.Digest{AccessKey: "fme2na3kdi3ki", Action: "send", BizType: "1", TS: "1655710885431"}
	ours := signature.Digest{AccessKey: "demoKey01", Action: "callback", BizType: "2", TS: "1761200608123"}
	const ban = `{"field":"account_update","value":{"ban_info":{"waba_ban_date":"October 22, 2025","waba_ban_state":"DISABLE"},"business_phone":"15550001111","event":"DISABLED_UPDATE","time":1761200607,"wabaId":"100000000000001"}}`
	tests := []struct {
		digest          signature.Digest
		algorithm, body string
		secret          signature.Secret
		want            string
	}{
		// Of the provider's documentation; they differ in the order of members and in spaces only.
		{documented, signature.MD5, `{"name":"牛小信","id":10001}`, "abciiiko2k3", "87c3560d3331ae23f1021e2025722354"},
		{documented, signature.MD5, `{"id":10001,"name":"牛小信"}`, "abciiiko2k3", "7750759da06333f20d0640be09355e34"},
		{documented, signature.MD5, `{"id": 10001, "name": "牛小信"}`, "abciiiko2k3", "d0c24a9886c629330d7f3f2056c65bc2"},
		{documented, signature.SHA256, `{"name":"牛小信","id":10001}`, "abciiiko2k3", "e0eec2c99ef80f269a82795e2223f618ebfc0616c8b6c8c7d438021ec38ad0eb"},
		{ours, signature.MD5, ban, "demoSecret01", "5b24d0670792f702f890a1e3fa5c0978"},
		{ours, signature.SHA256, ban, "demoSecret01", "4b5479d27a8969d23afb6e0e096941488ffa926f03436b6800ef16141dab9ed3"},
	}
	for _, test := range tests {
		body := []byte(test.body)
		if got := test.digest.Sign(test.algorithm, test.secret, body); got != test.want {
			t.Errorf("Sign(%s, %s) = %s, want %s", test.algorithm, test.body, got, test.want)
		}
		for _, good := range []string{test.want, strings.ToUpper(test.want)} {
			if !test.digest.Verify(good, test.algorithm, test.secret, body) {
				t.Errorf("Verify(%s) = false", good)
			}
		}
		for _, other := range tests {
			if other != test && test.digest.Verify(other.want, test.algorithm, test.secret, body) {
				t.Errorf("%s verifies %s, whose digest is %s", other.want, test.body, test.want)
			}
		}
		if test.digest.Verify(test.want, test.algorithm, test.secret+"x", body) {
			t.Error("accepted with another secret")
		}
	}
	if documented.Verify("", "none", "s", nil) || documented.Sign("none", "s", nil) != "" {
		t.Error("an unknown algorithm signs")
	}
	// Without a body there is no "&body=" either.
	if a, b := documented.Sign(signature.MD5, "s", nil), documented.Sign(signature.MD5, "s", []byte{}); a != b {
		t.Errorf("nil body %s, empty body %s", a, b)
	}
}

const (
	standardSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	standardBody   = `{"type":"waba.account.banned","timestamp":"2025-10-23T06:23:27Z","data":{"waba_id":"100000000000001"}}`
)

func TestStandard(t *testing.T) {
	key, err := signature.ParseStandardKey(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1761200608, 0)
	got := key.Sign("evt_0001", at, []byte(standardBody))
	if want := "v1,MAxnqUjCkxkdA4EBMgZxGkGfq9TvfUBuUTYHepb6YvA="; got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
	other, err := signature.ParseStandardKey(signature.Secret("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24))))
	if err != nil {
		t.Fatal(err)
	}
	ours := []signature.StandardKey{key}
	tests := []struct {
		name                      string
		keys                      []signature.StandardKey
		id, timestamp, signatures string
		body                      string
		late                      time.Duration
		want                      error
	}{
		{"good", ours, "evt_0001", "1761200608", got, standardBody, 0, nil},
		{"rotated", []signature.StandardKey{other, key}, "evt_0001", "1761200608", "v1a,xyz v1,bad " + got, standardBody, 0, nil},
		{"late but tolerated", ours, "evt_0001", "1761200608", got, standardBody, 5 * time.Minute, nil},
		{"too late", ours, "evt_0001", "1761200608", got, standardBody, 5*time.Minute + 1, signature.ErrStandardTime},
		{"too early", ours, "evt_0001", "1761200608", got, standardBody, -5*time.Minute - 1, signature.ErrStandardTime},
		{"time before all times", ours, "evt_0001", "-9223372036854775808", got, standardBody, 0, signature.ErrStandardTime},
		{"another id", ours, "evt_0002", "1761200608", got, standardBody, 0, signature.ErrStandardMismatch},
		{"another time", ours, "evt_0001", "1761200609", got, standardBody, 0, signature.ErrStandardMismatch},
		{"another body", ours, "evt_0001", "1761200608", got, standardBody + " ", 0, signature.ErrStandardMismatch},
		{"another key", []signature.StandardKey{other}, "evt_0001", "1761200608", got, standardBody, 0, signature.ErrStandardMismatch},
		{"another version", ours, "evt_0001", "1761200608", "v2," + strings.TrimPrefix(got, "v1,"), standardBody, 0, signature.ErrStandardMismatch},
		{"no keys", nil, "evt_0001", "1761200608", got, standardBody, 0, signature.ErrStandardMismatch},
		{"no signature", ours, "evt_0001", "1761200608", "", standardBody, 0, signature.ErrStandardMalformed},
		{"no id", ours, "", "1761200608", got, standardBody, 0, signature.ErrStandardMalformed},
		{"no time", ours, "evt_0001", "", got, standardBody, 0, signature.ErrStandardMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := signature.VerifyStandard(test.keys, test.id, test.timestamp, test.signatures, []byte(test.body), at.Add(test.late), 5*time.Minute)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// TestStandardPrivate signs with the key whose seed is that of standardSecret.
func TestStandardPrivate(t *testing.T) {
	parse := func(s string) signature.StandardKey {
		key, err := signature.ParseStandardKey(signature.Secret(s))
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	shared, seed := parse(standardSecret), parse("whsk_"+standardSecret[6:])
	whole := parse("whsk_" + base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))))
	at := time.Unix(1761200608, 0)
	got := seed.Sign("evt_0001", at, []byte(standardBody))
	if want := "v1a,/oKsVomW2UgKsClZdC+Cnk5IGdoYAiZ9fvSpkndE62jDFFlP7d/MEJjgTf1bulc/iQRg8BgL8H+ChC/JpvfgBA=="; got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
	if again := whole.Sign("evt_0001", at, []byte(standardBody)); again != got {
		t.Errorf("with seed and public key: %s", again)
	}
	public, err := signature.ParseStandardPublicKey(seed.Public())
	if err != nil {
		t.Fatal(err)
	}
	if public.Public() != seed.Public() || shared.Public() != "" || public.Sign("evt_0001", at, nil) != "" {
		t.Error("a public key is not what it should be")
	}
	other := parse("whsk_" + base64.StdEncoding.EncodeToString(make([]byte, 32)))
	ours := shared.Sign("evt_0001", at, []byte(standardBody))
	keyless := hmac.New(sha256.New, nil)
	keyless.Write([]byte("evt_0001.1761200608." + standardBody))
	for name, c := range map[string]struct {
		key        signature.StandardKey
		id         string
		signatures string
		want       error
	}{
		"public":               {public, "evt_0001", got, nil},
		"private":              {seed, "evt_0001", got, nil},
		"among others":         {public, "evt_0001", ours + " v1a,AAAA v1a,! " + got, nil},
		"another key":          {other, "evt_0001", got, signature.ErrStandardMismatch},
		"another id":           {public, "evt_0002", got, signature.ErrStandardMismatch},
		"said to be shared":    {public, "evt_0001", "v1" + got[3:], signature.ErrStandardMismatch},
		"said to be private":   {shared, "evt_0001", "v1a" + ours[2:], signature.ErrStandardMismatch},
		"made with no key":     {public, "evt_0001", "v1," + base64.StdEncoding.EncodeToString(keyless.Sum(nil)), signature.ErrStandardMismatch},
		"no signature of ours": {public, "evt_0001", ours, signature.ErrStandardMismatch},
	} {
		err := signature.VerifyStandard([]signature.StandardKey{c.key}, c.id, "1761200608", c.signatures, []byte(standardBody), at, time.Minute)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// The specification's own library must accept what we sign, and we what it signs.
func TestStandardAgainstReference(t *testing.T) {
	reference, err := standardwebhooks.NewWebhook(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.ParseStandardKey(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, body := range []string{"", "{}", standardBody, "\xff\x00"} {
		headers := http.Header{}
		headers.Set("webhook-id", "evt_1")
		headers.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		headers.Set("webhook-signature", key.Sign("evt_1", now, []byte(body)))
		if err := reference.Verify([]byte(body), headers); err != nil {
			t.Errorf("the reference refuses our signature of %q: %v", body, err)
		}
		theirs, err := reference.Sign("evt_1", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := signature.VerifyStandard([]signature.StandardKey{key}, "evt_1", strconv.FormatInt(now.Unix(), 10), theirs, []byte(body), now, time.Minute); err != nil {
			t.Errorf("we refuse the reference's signature of %q: %v", body, err)
		}
	}
}

func TestParseStandardKeyRefuses(t *testing.T) {
	of := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", n))) }
	for _, bad := range []string{
		"", "whsec_", of(32), "whpk_" + of(32), "whsec_" + of(23), "whsec_" + of(65), "whsec_!" + of(32), "whsec_" + of(32) + "\n\nx",
		"whsk_" + of(31), "whsk_" + of(33), "whsk_" + of(64), "whsk_!" + of(32),
	} {
		_, err := signature.ParseStandardKey(signature.Secret(bad))
		if err == nil {
			t.Errorf("%q is accepted", bad)
			continue
		}
		if _, text, _ := strings.Cut(bad, "_"); text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error %q holds the secret", err)
		}
	}
	for _, bad := range []string{"", of(32), "whsec_" + of(32), "whsk_" + of(32), "whpk_" + of(31), "whpk_!"} {
		if _, err := signature.ParseStandardPublicKey(bad); err == nil {
			t.Errorf("%q is accepted as a public key", bad)
		}
	}
	for _, good := range []int{24, 32, 64} {
		if _, err := signature.ParseStandardKey(signature.Secret("whsec_" + of(good))); err != nil {
			t.Errorf("%d bytes: %v", good, err)
		}
	}
}

func TestStandardKeyDoesNotPrint(t *testing.T) {
	key, err := signature.ParseStandardKey(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %+v %#v %s", key, struct{ K signature.StandardKey }{key}, key, []signature.StandardKey{key}); strings.Contains(got, "48") || strings.Contains(got, "0123") {
		t.Errorf("prints as %s", got)
	}
}
