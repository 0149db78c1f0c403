"""The memory plan as a picture: each value is a box, as wide as it lives and as high as it is large."""

__all__ = ["drawing"]

WIDTH, HEIGHT, LEFT, TOP = 960, 480, 70, 40
COLORS = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#edc948", "#ff9da7", "#9c755f")


def drawing(part):
    """SVG text: kernels from left to right, bytes of the arena from top to bottom. A box tells about itself when pointed at."""
    columns, size = max(len(part.kernels), 1), max(part.arena, 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 10} {HEIGHT + TOP + 30}"',
        ' font-family="sans-serif" font-size="12">',
        f'<text x="{LEFT}" y="20">{len(part.regions)} values of {part.values:,} bytes in an arena of {part.arena:,}</text>',
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="#f4f4f4" stroke="#999"/>',
        f'<text x="{LEFT - 6}" y="{TOP + 10}" text-anchor="end">0</text>',
        f'<text x="{LEFT - 6}" y="{TOP + HEIGHT}" text-anchor="end">{part.arena:,}</text>',
        f'<text x="{LEFT}" y="{TOP + HEIGHT + 18}">kernel 0</text>',
        f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 18}" text-anchor="end">kernel {columns - 1}</text>',
    ]
    for k, region in enumerate(part.regions):
        x, width = LEFT + region.first * WIDTH / columns, (region.last - region.first + 1) * WIDTH / columns
        y, height = TOP + region.start * HEIGHT / size, max(region.size * HEIGHT / size, 0.5)
        lines.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{COLORS[k % len(COLORS)]}"'
            f' fill-opacity="0.8" stroke="white" stroke-width="0.5"><title>{told(region)}</title></rect>'
        )
    return "\n".join([*lines, "</svg>", ""])


def told(region):
    name = region.name.replace("&", "&amp;").replace("<", "&lt;")
    return f"{name}: {region.size:,} bytes at {region.start:,}, kernels {region.first} to {region.last}"
