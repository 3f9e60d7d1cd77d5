package pty

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"agentproof/agent/fault"
	"agentproof/internal/streamtap"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// at changes the output where it reaches an offset: data[i] is the byte there.
func at(offset int, edit func(data []byte, i int) []byte) func() func([]byte) []byte {
	return func() func([]byte) []byte {
		seen := 0
		return func(data []byte) []byte {
			i := offset - seen
			seen += len(data)
			if i < 0 || i >= len(data) {
				return data
			}
			return edit(data, i)
		}
	}
}

func losesByte(data []byte, i int) []byte   { return slices.Delete(data, i, i+1) }
func doublesByte(data []byte, i int) []byte { return slices.Insert(data, i, data[i]) }
func flipsBit(data []byte, i int) []byte    { data[i] ^= 1; return data }

// impatient drops what comes after the relay made it wait, once a viewer has
// seen the beginning.
func impatient() func([]byte) []byte {
	const beginning = 1 << 20
	seen, last := 0, time.Now()
	return func(data []byte) []byte {
		waited := time.Since(last)
		seen, last = seen+len(data), time.Now()
		if seen > beginning && waited > 200*time.Millisecond && !bytes.Contains(data, []byte("END")) {
			return nil
		}
		return data
	}
}

// wholeLines forgets what no line end follows.
func wholeLines() func([]byte) []byte {
	return func(data []byte) []byte { return data[:bytes.LastIndexByte(data, '\n')+1] }
}

// firstLost loses the first output.
func firstLost() func([]byte) []byte {
	lost := false
	return func(data []byte) []byte {
		if !lost {
			lost = true
			return nil
		}
		return data
	}
}

// ending changes the StreamClose of the agent.
func ending(edit func(*agentv1.StreamClose) []proto.Message) func() streamtap.Edits {
	return func() streamtap.Edits {
		return streamtap.Edits{ToRelay: fault.Messages(func(m proto.Message) []proto.Message {
			if end, ok := m.(*agentv1.StreamClose); ok {
				return edit(end)
			}
			return []proto.Message{m}
		})}
	}
}

func tapped(name, id, says string, open func() streamtap.Edits) fault.Mutant {
	return fault.Mutant{Name: name, Case: id, Says: says, Beside: fault.Tapped(streamtap.Tap{Open: open})}
}

func outputs() []fault.Mutant {
	var terminals atomic.Int32
	oneOfMany := func() func([]byte) []byte {
		unlucky := terminals.Add(1) == 23
		return func(data []byte) []byte {
			if unlucky {
				data = bytes.TrimSuffix(data, []byte("line-300\r\n"))
			}
			return data
		}
	}
	reason := func(end *agentv1.StreamClose) []proto.Message {
		end.Reason = agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL
		return []proto.Message{end}
	}
	none := func(*agentv1.StreamClose) []proto.Message { return nil }
	hurried := func(m fault.Mutant) fault.Mutant { m.Scale = soon; return m }
	// Much output, through a tap that looks at all of it.
	patient := func(m fault.Mutant) fault.Mutant { m.Scale = 3; return m }
	return []fault.Mutant{
		wide(tapped("loses the last lines", "pty.output-complete/many-small-writes", "the lines up to the last",
			fault.Output(func() func([]byte) []byte { return endless(linesTo2990) }))),
		gapped("tears lines after a gap", "no line doubled", func(data []byte) []byte { return data[min(len(data)/2, 100):] }),
		gapped("loses the last lines after a gap", "the last line", lastLost),
		patient(wide(tapped("doubles a byte after 64 KiB", "pty.output-complete/sixty-four-mebibytes", "all output",
			fault.Output(at(66_000, doublesByte))))),
		wide(tapped("changes a bit of a line", "pty.output-complete/many-small-writes", "counted up", fault.Output(at(7002, flipsBit)))),
		wide(tapped("drops output that the relay does not take at once", "pty.output-complete/a-viewer-that-pauses", "all output",
			fault.Output(func() func([]byte) []byte { return impatient() }))),
		wide(tapped("loses a byte of a line", "pty.output-complete/many-small-writes", "counted up", fault.Output(at(7000, losesByte)))),
		wide(tapped("doubles a byte of a line", "pty.output-complete/many-small-writes", "counted up", fault.Output(at(7001, doublesByte)))),
		hurried(tapped("sends only what is printed while a viewer looks", "pty.first-bytes/before-a-viewer-came", "nothing more in time",
			fault.Output(firstLost))),
		wide(tapped("sends whole lines only", "pty.exit/last-output-then-stream-close", "last output", fault.Output(wholeLines))),
		tapped("loses the last line of one program in forty", "pty.exit/print-and-exit-many-times", "all 300 lines", fault.Output(oneOfMany)),
		wide(tapped("calls the end of a program another", "pty.exit/last-output-then-stream-close", "PROCESS_EXIT", ending(reason))),
		tapped("calls the end by a close another", "pty.close/stream-ends-with-process-exit", "PROCESS_EXIT", ending(reason)),
		hurried(wide(tapped("says nothing at the end of a program", "pty.exit/last-output-then-stream-close", "PROCESS_EXIT", ending(none)))),
		hurried(tapped("says nothing at the end by a close", "pty.close/stream-ends-with-process-exit", "PROCESS_EXIT", ending(none))),
		inTime(wide(tapped("ends its terminals with the relay", "pty.survives-relay/killed", "the terminal's output to reach END", closing))),
		wide(tapped("forgets some output in every reconnect", "pty.survives-relay/shut-down", "counted up",
			afterReconnect(func(_, data []byte) []byte {
				if len(data) < 1000 {
					return data // the end of the output, which is waited for
				}
				return data[100:]
			}))),
		wide(tapped("sends some output again in every reconnect", "pty.survives-relay/shut-down", "counted up",
			afterReconnect(func(last, data []byte) []byte { return slices.Concat(last, data) }))),
	}
}

// closing tells the agent that its viewer has closed when the relay is gone.
// Output is slow, so that much of it is still to come then.
func closing() streamtap.Edits {
	return streamtap.Edits{
		ToRelay: func(message []byte) [][]byte {
			time.Sleep(10 * time.Millisecond)
			return [][]byte{message}
		},
		Lost: func() [][]byte {
			return fault.Encoded(&agentv1.StreamClose{Reason: agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL})
		},
	}
}

// linesTo2990 is how many bytes the lines from 1 to 2990 take on a terminal.
const linesTo2990 = 9*3 + 90*4 + 900*5 + 1991*6

// endless shows no more numbers from an offset on.
func endless(offset int) func([]byte) []byte {
	seen := 0
	return func(data []byte) []byte {
		keep := min(max(offset-seen, 0), len(data))
		seen += len(data)
		return slices.Concat(data[:keep], without(data[keep:]))
	}
}

// without leaves numbers and line ends out.
func without(data []byte) []byte {
	return slices.DeleteFunc(data, func(b byte) bool { return b == '\r' || b == '\n' || b >= '0' && b <= '9' })
}

// lastLost shows no line from 199000 on.
func lastLost(data []byte) []byte {
	if i := bytes.Index(data, []byte("\n199")); i >= 0 {
		return slices.Concat(data[:i+1], without(data[i+1:]))
	}
	return data
}

// gapped is an agent that loses a frame with the relay, as it may, and changes
// what comes after it.
func gapped(name, says string, edit func(data []byte) []byte) fault.Mutant {
	var connections atomic.Int32
	tap := streamtap.Tap{Plain: true, Open: func() streamtap.Edits {
		if connections.Add(1) == 1 {
			return streamtap.Edits{ToRelay: func(message []byte) [][]byte {
				time.Sleep(10 * time.Millisecond) // so that much is still to come
				return [][]byte{message}
			}}
		}
		return streamtap.Edits{ToRelay: fault.Messages(func(m proto.Message) []proto.Message {
			if f, ok := m.(*agentv1.StreamFrame); ok {
				f.Seq++
				f.Data = edit(f.GetData())
			}
			return []proto.Message{m}
		})}
	}}
	return fault.Mutant{Name: name, Case: "pty.survives-relay/killed", Says: says, Also: []string{"pty.survives-relay/*"}, Beside: fault.Tapped(tap)}
}

// afterReconnect changes the output of every connection but the first. edit
// may look at the data of the frame before.
func afterReconnect(edit func(last, data []byte) []byte) func() streamtap.Edits {
	var mu sync.Mutex
	var last []byte
	connections := 0
	return func() streamtap.Edits {
		mu.Lock()
		defer mu.Unlock()
		connections++
		again := connections > 1
		return streamtap.Edits{ToRelay: fault.Messages(func(m proto.Message) []proto.Message {
			if f, ok := m.(*agentv1.StreamFrame); ok {
				mu.Lock()
				defer mu.Unlock()
				data := f.GetData()
				if again {
					f.Data = edit(last, data)
				}
				last = data
			}
			return []proto.Message{m}
		})}
	}
}
