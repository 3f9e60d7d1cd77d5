package streams

import (
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"agentproof/agent/fault"
	"agentproof/internal/streamtap"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// numbered changes the seq of what the agent sends. open is called for each
// connection.
func numbered(open func() func(seq uint64) uint64) streamtap.Tap {
	return streamtap.Tap{Open: func() streamtap.Edits {
		edit := open()
		return streamtap.Edits{ToRelay: fault.Messages(func(m proto.Message) []proto.Message {
			if f, ok := m.(*agentv1.StreamFrame); ok {
				f.Seq = edit(f.GetSeq())
			}
			return []proto.Message{m}
		})}
	}}
}

func frames() []fault.Mutant {
	const nought = "stream.seq/from-nought-by-one"
	each := func(edit func(uint64) uint64) streamtap.Tap {
		return numbered(func() func(uint64) uint64 { return edit })
	}
	mutants := []fault.Mutant{
		tapped("counts frames from 1", nought, "a gap", each(func(seq uint64) uint64 { return seq + 1 })),
		tapped("counts frames by two", nought, "a gap", each(func(seq uint64) uint64 { return 2 * seq })),
		tapped("leaves a number out", nought, "a gap", each(func(seq uint64) uint64 { return seq + min(seq/3, 1) })),
	}
	for i := range mutants {
		mutants[i].Also = []string{"stream.seq/*"}
	}
	return mutants
}

// input judges what comes for the agent: a frame of a viewer reaches it if keep
// says so of its seq, and a StreamClose if closes is set.
func input(keep func(seq uint64) bool, closes bool) streamtap.Tap {
	return streamtap.Tap{Open: func() streamtap.Edits {
		return streamtap.Edits{ToAgent: fault.Messages(func(m proto.Message) []proto.Message {
			switch m := m.(type) {
			case *agentv1.StreamFrame:
				if !keep(m.GetSeq()) {
					return nil
				}
			case *agentv1.StreamClose:
				if !closes {
					return nil
				}
			}
			return []proto.Message{m}
		})}
	}}
}

func inputs() []fault.Mutant {
	const (
		viewers = "stream.input.any-seq/every-viewer-starts-at-nought"
		whole   = "stream.input.any-seq/typed-bytes-arrive-whole"
	)
	var mu sync.Mutex
	next := uint64(0)
	expected := func(seq uint64) bool {
		mu.Lock()
		defer mu.Unlock()
		if seq != next {
			return false
		}
		next++
		return true
	}
	pasted := streamtap.Tap{Open: func() streamtap.Edits {
		return streamtap.Edits{ToAgent: fault.Messages(func(m proto.Message) []proto.Message {
			if f, ok := m.(*agentv1.StreamFrame); ok && f.GetSeq() == 1 {
				f.Data[0] ^= 1
			}
			return []proto.Message{m}
		})}
	}}
	changed := tapped("changes a byte of what is pasted", whole, "the digest", pasted)
	changed.Also = []string{viewers}
	deaf := silent("waits for the input's next number", viewers, "nothing more in time", input(expected, true))
	deaf.Also = []string{whole}
	open := tapped("goes on when the viewer closed", "stream.close-ends-terminal/child-is-gone", "still there",
		input(func(uint64) bool { return true }, false))
	open.Also = []string{"stream.close-ends-terminal/*"}
	polite := fault.New("takes input for a terminal that its viewer closed", "stream.close-ends-terminal/child-is-gone", "one that does",
		fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if req.GetPtyWrite() != nil && resp.GetError() != nil {
				resp.Error, resp.Result = nil, &agentv1.ControlResponse_PtyWrite{PtyWrite: &agentv1.PtyWriteResponse{BytesWritten: 1}}
			}
		}))
	return []fault.Mutant{
		deaf,
		polite,
		silent("takes the first input alone", whole, "less in time", input(func(seq uint64) bool { return seq < 3 }, true)),
		changed,
		open,
	}
}

// opening changes the StreamOpen of every connection; sent is how many frames
// went out before.
func opening(edit func(open *agentv1.StreamOpen, sent uint64)) streamtap.Tap {
	var sent atomic.Uint64
	return streamtap.Tap{Open: func() streamtap.Edits {
		return streamtap.Edits{ToRelay: fault.Messages(func(m proto.Message) []proto.Message {
			switch m := m.(type) {
			case *agentv1.StreamOpen:
				edit(m, sent.Load())
			case *agentv1.StreamFrame:
				sent.Store(m.GetSeq() + 1)
			}
			return []proto.Message{m}
		})}
	}}
}

// once lets every URL be dialled one time.
func once() func(uri string) string {
	var dialled sync.Map
	return func(uri string) string {
		if _, again := dialled.LoadOrStore(uri, true); again {
			return ""
		}
		return uri
	}
}

func reconnects() []fault.Mutant {
	const resumes = "stream.reconnect/resumes-from-the-next-input"
	others := []string{"stream.reconnect/*"}
	restarting := numbered(func() func(uint64) uint64 {
		count := uint64(0)
		return func(uint64) uint64 { count++; return count - 1 }
	})
	restarting.Plain = true // or else it sends all frames again, from 0
	var connections atomic.Int32
	forgetful := fault.Output(func() func([]byte) []byte {
		again := connections.Add(1) > 1
		return func(data []byte) []byte {
			if again {
				return nil
			}
			return data
		}
	})
	mutants := []fault.Mutant{
		tapped("counts from 0 again after a reconnect", "stream.seq/goes-on-after-a-reconnect", "a number again for other bytes", restarting),
		tapped("resumes from what it sent itself", resumes, "after 3 inputs",
			opening(func(open *agentv1.StreamOpen, sent uint64) { open.ResumeFromSeq = sent })),
		tapped("begins as if it had been there before", resumes, "of the first StreamOpen 0",
			opening(func(open *agentv1.StreamOpen, sent uint64) {
				if sent == 0 {
					open.ResumeFromSeq = 7
				}
			})),
		silent("does not come back", "stream.reconnect/comes-back-and-goes-on", "nothing more in time", streamtap.Tap{Dial: once()}),
		silent("loses what it could not send", "stream.reconnect/keeps-what-was-not-sent", "nothing more in time", streamtap.Tap{Open: forgetful}),
	}
	for i := range mutants {
		mutants[i].Also = others
	}
	return mutants
}
