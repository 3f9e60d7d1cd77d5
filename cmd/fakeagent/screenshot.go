package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/internal/termpic"
	"agentproof/session"
)

// inlineAuto asks the terminal how it takes pictures.
const inlineAuto = "auto"

// screenshotFlags are the flags of `fakeagent screenshot`.
type screenshotFlags struct {
	callFlags
	out    string
	inline string
}

func screenshotCommand() *cobra.Command {
	var f screenshotFlags
	cmd := &cobra.Command{
		Use:   "screenshot",
		Short: "Take a picture of the machine's screen",
		Long: `Take a picture of the machine's screen, as a PNG: into a file, down a pipe, or
shown right here in a terminal that can (kitty, iTerm2, or one with sixels). In
one that cannot it goes into a new file, whose name is printed.

Without flags it is the agent that 'fakeagent run' serves on this machine; if
there are several, --agent chooses one of them.`,
		Example: `  fakeagent screenshot
  fakeagent screenshot --out screen.png
  fakeagent screenshot | display`,
		Args: cli.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.callFlags.register(cmd.Flags())
	cmd.Flags().StringVar(&f.out, "out", "", "write the picture to `FILE`; - is standard output")
	cmd.Flags().StringVar(&f.inline, "inline", inlineAuto, "how this terminal shows pictures: `HOW` auto, kitty, iterm, sixel or none")
	cli.Complete(cmd, "inline", inlineAuto, string(termpic.Kitty), string(termpic.ITerm), string(termpic.Sixel), string(termpic.None))
	return cmd
}

func (f *screenshotFlags) run(cmd *cobra.Command) error {
	switch f.inline {
	case inlineAuto, string(termpic.Kitty), string(termpic.ITerm), string(termpic.Sixel), string(termpic.None):
	default:
		return cli.Usage("--inline %q: there are auto, kitty, iterm, sixel and none", f.inline)
	}
	_, onTerminal := cli.Terminal(cmd.OutOrStdout())
	if onTerminal && f.out == "-" {
		return cli.Usage("--out -: standard output is a terminal, which the bytes of a picture would upset")
	}
	return f.with(cmd, func(ctx context.Context, s *session.Session) error {
		shot, err := s.Screenshot(ctx)
		if err != nil {
			return err
		}
		if shot.Width != shot.NativeWidth || shot.Height != shot.NativeHeight {
			fmt.Fprintf(cmd.ErrOrStderr(), "shrunk to %dx%d from %dx%d, to fit the broker's payload\n",
				shot.Width, shot.Height, shot.NativeWidth, shot.NativeHeight)
		}
		switch {
		case f.out != "" && f.out != "-":
			err = os.WriteFile(f.out, shot.PNG, 0o644)
		case !onTerminal:
			_, err = cmd.OutOrStdout().Write(shot.PNG)
		default:
			err = f.show(cmd, shot)
		}
		if err != nil {
			return fmt.Errorf("screenshot: %w", err)
		}
		return nil
	})
}

// show puts the picture onto the user's terminal, or else into a new file.
func (f *screenshotFlags) show(cmd *cobra.Command, shot session.Screenshot) error {
	tty := termpic.TTY{File: cmd.OutOrStdout().(*os.File)}
	how := termpic.Protocol(f.inline)
	if f.inline == inlineAuto {
		how = termpic.Detect(os.Getenv, listener(cmd.InOrStdin()))
	}
	if how != termpic.None {
		return termpic.Write(tty.File, how, shot.PNG, tty.Room())
	}
	name, err := saveNew("screenshot-"+time.Now().Format("20060102-150405"), shot.PNG)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(tty.File, name)
	return err
}

// listener is the terminal as one that answers, nil where its answers would
// not come back here.
func listener(in io.Reader) termpic.Terminal {
	file, ok := in.(*os.File)
	if !ok {
		return nil
	}
	if _, ok := cli.Terminal(file); !ok {
		return nil
	}
	return termpic.TTY{File: file}
}

// saveNew writes a file that did not exist: it counts up where others took
// pictures in the same second.
func saveNew(base string, data []byte) (name string, err error) {
	for n := 1; ; n++ {
		name = base + ".png"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.png", base, n)
		}
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(data)
		return name, errors.Join(err, file.Close())
	}
}
