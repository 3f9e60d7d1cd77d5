package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

// inputCommands are the commands that act on the machine's screen.
func inputCommands() []*cobra.Command {
	return []*cobra.Command{typeCommand(), keyCommand(), clickCommand(), moveCommand(), scrollCommand()}
}

// inputLong ends the help of each.
const inputLong = `

The machine's owner must have consented to screen control, as with
'fakeagent run --screen-control'. Without --nats it is the agent that the latest
'fakeagent run' started.`

// input sends events to the screen, in their order.
func (f *callFlags) input(cmd *cobra.Command, events ...*agentv1.DesktopInputRequest) error {
	return f.with(cmd, func(ctx context.Context, s *session.Session) error {
		for _, e := range events {
			if err := s.DesktopInput(ctx, e); err != nil {
				return fmt.Errorf("%s: %w", cmd.Name(), err)
			}
		}
		return nil
	})
}

func keyEvent(k *agentv1.KeyEvent) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{Key: k}}
}

func pointerEvent(p *agentv1.PointerEvent) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Pointer{Pointer: p}}
}

func typeCommand() *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:   "type [TEXT...]",
		Short: "Type a text on the machine's keyboard",
		Long: `Type a text on the machine's keyboard: the words, joined by blanks, or without
any the standard input. Line ends and tabs are typed as Enter and Tab.` + inputLong,
		Example: `  fakeagent type 'Hello, Wörld!'
  fakeagent type < letter.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if len(args) == 0 {
				data, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return &cli.ExitError{Code: exitFailed, Err: fmt.Errorf("read standard input: %w", err)}
				}
				text = string(data)
			}
			if text == "" {
				return cli.Usage("there is nothing to type")
			}
			return f.input(cmd, keyEvent(&agentv1.KeyEvent{Key: text, IsText: true}))
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func keyCommand() *cobra.Command {
	var f callFlags
	var down, up bool
	cmd := &cobra.Command{
		Use:   "key NAME...",
		Short: "Press keys and chords on the machine's keyboard",
		Long: `Press keys one after the other: Enter, Tab, Escape, Backspace, Delete, Space,
Left, Right, Up, Down, Home, End, PageUp, PageDown, F1 to F12, a character, or a
chord of them with ctrl, alt, shift and super.` + inputLong,
		Example: `  fakeagent key Down Down Enter
  fakeagent key ctrl+shift+t
  fakeagent key --down shift; fakeagent click 100 200; fakeagent key --up shift`,
		Args: cli.Args(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			action := agentv1.KeyAction_KEY_ACTION_PRESS
			switch {
			case down && up:
				return cli.Usage("--down and --up exclude each other")
			case down:
				action = agentv1.KeyAction_KEY_ACTION_DOWN
			case up:
				action = agentv1.KeyAction_KEY_ACTION_UP
			}
			events := make([]*agentv1.DesktopInputRequest, len(args))
			for i, name := range args {
				events[i] = keyEvent(&agentv1.KeyEvent{Key: name, Action: action})
			}
			return f.input(cmd, events...)
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().BoolVar(&down, "down", false, "hold the keys")
	cmd.Flags().BoolVar(&up, "up", false, "let the keys go")
	cmd.ValidArgsFunction = cobra.FixedCompletions([]string{"Enter", "Tab", "Escape", "Backspace", "Delete", "Space",
		"Left", "Right", "Up", "Down", "Home", "End", "PageUp", "PageDown"}, cobra.ShellCompDirectiveNoFileComp)
	return cmd
}

// position is where X Y in the arguments is.
func position(args []string) (x, y int32, err error) {
	var at [2]int32
	for i, name := range []string{"X", "Y"} {
		n, err := strconv.ParseInt(args[i], 10, 32)
		if err != nil {
			return 0, 0, cli.Usage("%s is %q: it takes a whole number of pixels", name, args[i])
		}
		at[i] = int32(n)
	}
	return at[0], at[1], nil
}

func buttons() map[string]agentv1.PointerButton {
	return map[string]agentv1.PointerButton{
		"left":   agentv1.PointerButton_POINTER_BUTTON_LEFT,
		"right":  agentv1.PointerButton_POINTER_BUTTON_RIGHT,
		"middle": agentv1.PointerButton_POINTER_BUTTON_MIDDLE,
	}
}

func clickCommand() *cobra.Command {
	var f callFlags
	var button string
	var double, down, up bool
	cmd := &cobra.Command{
		Use:   "click X Y",
		Short: "Click at a pixel of the machine's screen",
		Long: `Move the pointer to a pixel of the machine's screen, counted from its top left
corner, and click there.` + inputLong,
		Example: `  fakeagent click 640 400
  fakeagent click --button right 640 400
  fakeagent click --down 10 10; fakeagent click --up 200 200     (drags)`,
		Args: cli.Args(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, y, err := position(args)
			if err != nil {
				return err
			}
			which, ok := buttons()[button]
			if !ok {
				return cli.Usage("--button %q: there are left, right and middle", button)
			}
			action := agentv1.PointerAction_POINTER_ACTION_CLICK
			chosen := 0
			for flag, a := range map[*bool]agentv1.PointerAction{
				&double: agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK,
				&down:   agentv1.PointerAction_POINTER_ACTION_DOWN,
				&up:     agentv1.PointerAction_POINTER_ACTION_UP,
			} {
				if *flag {
					action = a
					chosen++
				}
			}
			if chosen > 1 {
				return cli.Usage("--double, --down and --up exclude each other")
			}
			return f.input(cmd, pointerEvent(&agentv1.PointerEvent{X: x, Y: y, Action: action, Button: which}))
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().StringVar(&button, "button", "left", "the `BUTTON` left, right or middle")
	cmd.Flags().BoolVar(&double, "double", false, "click twice")
	cmd.Flags().BoolVar(&down, "down", false, "hold the button")
	cmd.Flags().BoolVar(&up, "up", false, "let the button go")
	cli.Complete(cmd, "button", "left", "right", "middle")
	return cmd
}

func moveCommand() *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:     "move X Y",
		Short:   "Move the pointer to a pixel of the machine's screen",
		Long:    `Move the pointer to a pixel of the machine's screen, and touch no button.` + inputLong,
		Example: `  fakeagent move 640 400`,
		Args:    cli.Args(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, y, err := position(args)
			if err != nil {
				return err
			}
			return f.input(cmd, pointerEvent(&agentv1.PointerEvent{X: x, Y: y, Action: agentv1.PointerAction_POINTER_ACTION_MOVE}))
		},
	}
	f.register(cmd.Flags())
	return cmd
}

// maxSteps is how many wheel steps an agent makes for one request
// (desktop.input.scroll).
const maxSteps = 32

func scrollCommand() *cobra.Command {
	var f callFlags
	var up, down, left, right int32
	cmd := &cobra.Command{
		Use:   "scroll X Y",
		Short: "Turn the mouse wheel at a pixel of the machine's screen",
		Long: `Move the pointer to a pixel of the machine's screen and turn the wheel there, by
at most 32 steps an axis.` + inputLong,
		Example: `  fakeagent scroll 640 400 --down 3
  fakeagent scroll 640 400 --left 1 --up 10`,
		Args: cli.Args(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, y, err := position(args)
			if err != nil {
				return err
			}
			switch {
			case min(up, down, left, right) < 0 || max(up, down, left, right) > maxSteps:
				return cli.Usage("the wheel turns by 0 to %d steps", maxSteps)
			case up > 0 && down > 0:
				return cli.Usage("--up and --down exclude each other")
			case left > 0 && right > 0:
				return cli.Usage("--left and --right exclude each other")
			case cmp.Or(up, down, left, right) == 0:
				return cli.Usage("say where to: --up, --down, --left or --right, and by how many steps")
			}
			return f.input(cmd, &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Scroll{
				Scroll: &agentv1.ScrollEvent{X: x, Y: y, DeltaX: right - left, DeltaY: down - up},
			}})
		},
	}
	f.register(cmd.Flags())
	fl := cmd.Flags()
	fl.Int32Var(&up, "up", 0, "by this `MANY` steps")
	fl.Int32Var(&down, "down", 0, "by this `MANY` steps")
	fl.Int32Var(&left, "left", 0, "by this `MANY` steps")
	fl.Int32Var(&right, "right", 0, "by this `MANY` steps")
	return cmd
}
