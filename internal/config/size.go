package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes. In the file it is a number, or one with a unit: B, KB, MB, GB of 1000, or KiB, MiB, GiB
// of 1024.
type Size int64

// The units with which a Size is written.
const (
	kib Size = 1 << 10
	mib Size = 1 << 20
	gib Size = 1 << 30
)

// units are tried in this order: B is the end of all others.
var units = []struct {
	name  string
	bytes Size
}{{"KiB", kib}, {"MiB", mib}, {"GiB", gib}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

var errSize = errors.New("want a size such as 4MiB, 500KB or 65536")

func parseSize(text string) (Size, error) {
	factor := Size(1)
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, factor = strings.TrimRight(number, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > math.MaxInt64/int64(factor) || n < math.MinInt64/int64(factor) {
		return 0, errSize
	}
	return Size(n) * factor, nil
}

// String is the size in the largest unit of 1024 that gives a whole number.
func (s Size) String() string {
	for _, u := range []int{2, 1, 0} {
		if s != 0 && s%units[u].bytes == 0 {
			return strconv.FormatInt(int64(s/units[u].bytes), 10) + units[u].name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
