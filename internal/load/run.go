package load

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"slices"
)

// A Run tells the webhooks of one run from those of every other, which may still be told: 0 to 999,999.
type Run uint32

// NewRun returns one at random.
func NewRun() Run {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return Run(binary.NativeEndian.Uint32(b[:]) % 1_000_000)
}

// A token is the number of an update as its webhook carries it: "9", the run, and the number, 15 digits together. So it can
// be an account, a person or part of a message's id. MaxUpdates is how many a run has.
const (
	runDigits    = 6
	numberDigits = 8
	tokenDigits  = 1 + runDigits + numberDigits

	// MaxUpdates is how many updates a run may have.
	MaxUpdates = 100_000_000
)

func (r Run) appendToken(to []byte, number uint32) []byte {
	return appendDigits(appendDigits(append(to, '9'), uint64(r), runDigits), uint64(number), numberDigits)
}

// find returns the numbers of all updates of this run that a text names, each once, in ascending order.
func (r Run) find(text []byte, found []uint32) []uint32 {
	var b [1 + runDigits]byte
	prefix := appendDigits(append(b[:0], '9'), uint64(r), runDigits)
	for at := 0; ; {
		i := bytes.Index(text[at:], prefix)
		if i < 0 {
			break
		}
		start := at + i
		end := start + len(prefix)
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		at = end
		if end-start != tokenDigits || start > 0 && isDigit(text[start-1]) {
			continue
		}
		number := uint32(0)
		for _, c := range text[start+len(prefix) : end] {
			number = number*10 + uint32(c-'0')
		}
		found = append(found, number)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// appendDigits appends a number with leading zeros, width digits in all.
func appendDigits(to []byte, n uint64, width int) []byte {
	var b [20]byte
	for i := width - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return append(to, b[:width]...)
}

// mix makes of a number one that looks random (splitmix64), the same each time: what an update says follows from its
// number, so that it can be sent again without being kept.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
