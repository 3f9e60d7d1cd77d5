package screenpng_test

import (
	"agentproof/agent/desktop/screenpng"
	"agentproof/agent/desktop/screenpng/scene"
)

func blank(width, height int, colour uint32) screenpng.Image {
	return scene.Blank(width, height, colour)
}

func set(img screenpng.Image, x, y int, colour uint32) { scene.Set(img, x, y, colour) }

func photo(width, height int) screenpng.Image { return scene.Photo(width, height) }

func tiles(width, height int) screenpng.Image { return scene.Tiles(width, height) }

func terminal(width, height int, smooth bool) screenpng.Image {
	return scene.Terminal(width, height, smooth, 1)
}
