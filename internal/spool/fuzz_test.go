package spool

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// Whatever is in a segment, every byte of it is accounted for: as header, a record, damage or a torn tail, in this order
// and without a gap; and every record is one that we have written.
func FuzzScanSegment(f *testing.F) {
	const salt = 42
	whole := []byte(magic)
	for _, e := range []string{"one", "", "three"} {
		whole = appendRecord(whole, salt, int64(len(whole)), time.Unix(1, 2), []byte(e))
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(append(bytes.Clone(whole), make([]byte, 50)...))
	for _, at := range []int{1, len(magic) + 1, len(magic) + 17, len(magic) + 21} {
		rotten := bytes.Clone(whole)
		rotten[at] ^= 1
		f.Add(rotten)
	}
	f.Add([]byte(magic))
	f.Add([]byte{})
	f.Add([]byte("0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var records []Range
		found := scanSegment("", b, salt, func(offset int64, h header, data []byte) {
			records = append(records, Range{"", offset, offset + headerSize + int64(len(data))})
			if again := appendRecord(nil, salt, offset, h.at, data); !bytes.HasPrefix(b[offset:], again) {
				t.Errorf("the record at %d is not one of ours", offset)
			}
		})
		if found.size != int64(len(b)) {
			t.Fatalf("%+v of %d bytes", found, len(b))
		}
		pos, bad := int64(len(magic)), found.bad
		if len(bad) > 0 && bad[0].From == 0 || found.torn == 0 {
			pos = 0 // not even the magic is there
		}
		for len(records)+len(bad) > 0 {
			var next Range
			if len(bad) == 0 || len(records) > 0 && records[0].From < bad[0].From {
				next, records = records[0], records[1:]
			} else {
				next, bad = bad[0], bad[1:]
			}
			if next.From != pos || next.To <= next.From {
				t.Fatalf("%+v follows %d in %d bytes", next, pos, len(b))
			}
			pos = next.To
		}
		if pos != found.torn {
			t.Fatalf("read to %d, torn from %d, of %d bytes", pos, found.torn, len(b))
		}
	})
}

// Progress of any kind never says that something is done that it does not name.
func FuzzProgress(f *testing.F) {
	const salt = 42
	f.Add(appendDone(appendDone(nil, salt, 16, 40), salt, 100, 90))
	f.Add([]byte("something else, which is no progress"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &segment{salt: salt}
		for offset := range 10 {
			s.add(int64(offset)*20, time.Unix(5, 0))
		}
		named := make(map[uint32]bool)
		for part := range slices.Chunk(b, doneSize) {
			if len(part) < doneSize {
				break
			}
			first, last := binary.LittleEndian.Uint32(part), binary.LittleEndian.Uint32(part[4:])
			if !bytes.Equal(part, appendDone(nil, salt, first, last)) {
				continue
			}
			for _, m := range s.marks {
				named[m.offset] = named[m.offset] || m.offset >= first && m.offset <= last
			}
		}
		s.applyProgress(b)
		for _, m := range s.marks {
			if (m.at == 0) != named[m.offset] {
				t.Errorf("record at %d is done: %v", m.offset, m.at == 0)
			}
		}
	})
}
