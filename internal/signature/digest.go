package signature

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// The algorithms of a [Digest].
const (
	SHA256 = "sha256"
	MD5    = "md5" // broken; for providers that sign with nothing else
)

// A Digest is what NXCloud signs beside the body (NXCloud wiki: whatsapp callback verify). It is a plain digest with the
// secret at its end, not an HMAC, and nothing in it says where one part ends and the next begins: whoever verifies must
// refuse parts outside a strict alphabet first. The algorithm is not signed either: whoever verifies must choose it.
type Digest struct {
	AccessKey string
	Action    string
	BizType   string
	TS        string // Unix milliseconds
}

// Sign returns the lower-case hex of the digest over these parts, the body and the secret, or "" if the algorithm is
// neither [SHA256] nor [MD5].
func (d Digest) Sign(algorithm string, secret Secret, body []byte) string {
	return hex.EncodeToString(d.sum(algorithm, secret, body))
}

// Verify reports whether signature is the hex, of either case, of what [Digest.Sign] makes.
func (d Digest) Verify(signature, algorithm string, secret Secret, body []byte) bool {
	want := d.sum(algorithm, secret, body)
	got, err := hex.DecodeString(signature)
	return err == nil && len(want) > 0 && hmac.Equal(got, want)
}

func (d Digest) sum(algorithm string, secret Secret, body []byte) []byte {
	var h hash.Hash
	switch algorithm {
	case SHA256:
		h = sha256.New()
	case MD5:
		h = md5.New()
	default:
		return nil
	}
	io.WriteString(h, "accessKey="+d.AccessKey+"&action="+d.Action+"&bizType="+d.BizType+"&ts="+d.TS)
	if len(body) > 0 {
		io.WriteString(h, "&body=")
		h.Write(body)
	}
	io.WriteString(h, "&accessSecret="+string(secret))
	return h.Sum(nil)
}
