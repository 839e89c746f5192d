import { createTheme, defaultVariantColorsResolver } from '@mantine/core'
import type { CSSVariablesResolver, VariantColorsResolver } from '@mantine/core'

/** Marks and alerts in shades that keep 4.5:1 between text and ground, in light and dark. */
const readableColors: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input)
  const { color, theme, variant } = input
  if (color === undefined || !(color in theme.colors)) return colors
  if (variant !== 'light' && variant !== 'outline') return colors
  const shade = (step: number): string => `var(--mantine-color-${color}-${step})`
  const text = `light-dark(color-mix(in srgb, ${shade(9)}, black 40%), ${shade(2)})`
  const ground = `light-dark(${shade(0)}, color-mix(in srgb, ${shade(9)} 30%, var(--mantine-color-body)))`
  const edge = `light-dark(${shade(3)}, ${shade(8)})`
  return {
    ...colors,
    color: text,
    background: variant === 'light' ? ground : 'transparent',
    border: `1px solid ${edge}`,
  }
}

/** The library's dimmed text is too pale to read at small sizes. */
export const readableVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { '--mantine-color-dimmed': '#545b64', '--mantine-color-placeholder': '#6b727b' },
  dark: { '--mantine-color-dimmed': '#b0b4ba', '--mantine-color-placeholder': '#8d929a' },
})

/** No font of our own: the system's are there at once and ask nobody. */
export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 7 },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650' },
  defaultRadius: 'md',
  autoContrast: true,
  respectReducedMotion: true,
  variantColorResolver: readableColors,
  components: {
    Badge: { defaultProps: { tt: 'none', radius: 'sm' } },
    Anchor: { defaultProps: { underline: 'always' } },
  },
})
