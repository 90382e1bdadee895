package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

const hmacPrefix = "sha256="

// HMAC signs a body the way Meta does: "sha256=" and the lower-case hex of an HMAC-SHA256 over exactly these bytes, keyed
// with the secret's text (Meta: Create a webhook endpoint, X-Hub-Signature-256).
func HMAC(secret Secret, body []byte) string {
	return hmacPrefix + hex.EncodeToString(sum(secret, body))
}

// HMACForm reports whether a text has the form of what [HMAC] returns; hex digits may be of either case.
func HMACForm(signature string) bool {
	_, ok := parseHMAC(signature)
	return ok
}

// VerifyHMAC reports whether a text is the signature of the body with any of the secrets. A text of another form, and
// no secrets at all, are false. A body is never escaped or decoded first: what was signed is what was sent.
func VerifyHMAC(signature string, body []byte, secrets []Secret) bool {
	mac, ok := parseHMAC(signature)
	return ok && slices.ContainsFunc(secrets, func(s Secret) bool { return hmac.Equal(mac, sum(s, body)) })
}

func parseHMAC(signature string) ([]byte, bool) {
	digits, ok := strings.CutPrefix(signature, hmacPrefix)
	if !ok || len(digits) != hex.EncodedLen(sha256.Size) {
		return nil, false
	}
	mac, err := hex.DecodeString(digits)
	return mac, err == nil
}

// BareHMAC is [HMAC] without the prefix.
func BareHMAC(secret Secret, body []byte) string { return hex.EncodeToString(sum(secret, body)) }

// AnyHMACForm reports whether a text can be an HMAC-SHA256: in hex or base64, with "sha256=" before it or without. It is for
// providers who do not say how they write theirs.
func AnyHMACForm(signature string) bool {
	_, ok := parseAnyHMAC(signature)
	return ok
}

// VerifyAnyHMAC is [VerifyHMAC] for a text of any of these forms.
func VerifyAnyHMAC(signature string, body []byte, secrets []Secret) bool {
	mac, ok := parseAnyHMAC(signature)
	return ok && slices.ContainsFunc(secrets, func(s Secret) bool { return hmac.Equal(mac, sum(s, body)) })
}

func parseAnyHMAC(signature string) ([]byte, bool) {
	text := strings.TrimPrefix(signature, hmacPrefix)
	var mac []byte
	var err error
	switch len(text) {
	case hex.EncodedLen(sha256.Size):
		mac, err = hex.DecodeString(text)
	case base64.StdEncoding.EncodedLen(sha256.Size):
		mac, err = base64.StdEncoding.Strict().DecodeString(text)
	}
	return mac, err == nil && len(mac) == sha256.Size // line ends within base64 count as nothing
}

func sum(secret Secret, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return h.Sum(nil)
}
